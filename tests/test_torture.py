"""Every file-changing call of a run may be the last one, or fail: what a run makes afterwards is as if it had not.

`make test` strikes at a few points of each kind, spread over all sorts of calls; `make torture` at as many as
`--points` says.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from durable import Disk
from faults import KINDS, Ended, Fault, Kind, points, watch, why_not
from harness import KEY, Archive, install

EXTENSION = '''
from librarian import Audio, Operation, Settings, Text, hookimpl


class NoSettings(Settings):
    """None."""


def copy(task):
    content = task.inputs["audio"].path.read_bytes()
    task.state.value["bytes"] = len(content)
    task.state.save()
    (task.folder / "copy.txt").write_bytes(content)
    (task.folder / "size.txt").write_text(str(len(content)))
    return {"copy": task.folder / "copy.txt", "size": task.folder / "size.txt"}


def turn(task):
    (task.folder / "turned.txt").write_bytes(task.inputs["copy"].path.read_bytes()[::-1])
    return {"turned": task.folder / "turned.txt"}


def operation(run, inputs, outputs):
    names = {"name": run.__name__, "run": f"{__name__}:{run.__name__}", "description": "For tests."}
    return Operation(**names, version="1", settings=NoSettings, inputs=inputs, outputs=outputs, reproducible="bytes")


@hookimpl
def librarian_operations():
    return [
        operation(copy, {"audio": Audio}, {"copy": Text, "size": Text}),
        operation(turn, {"copy": Text}, {"turned": Text}),
    ]
'''
JOB = """\
librarian: 1
name: torture
recordings:
  - {id: all, path: '../recordings/*.wav'}
steps:
  - {id: copies, use: copy, from: all}
  - {id: turned, use: turn, from: copies.copy}
"""
RECORDINGS = 20
RATE, FRAMES = 8000, 512
SETTLE_SECONDS = 2.1
"""A file that changed only just before it is hashed is hashed at every run (s)."""
SEED = 2024
AT_ONCE = 2
RUN = ("run", "job.yaml", "--workers", "2")
OURS = re.compile(r"(library|manifests|\.librarian)\b")
JOB_ID = re.compile(r"job_[0-9a-z]{26}")


def state(archive: Archive) -> set[str]:
    """What lies in an archive: relative paths, all jobs called alike."""
    return {JOB_ID.sub("job", path.relative_to(archive.root).as_posix()) for path in archive.root.rglob("*")}


def results(archive: Archive) -> dict[str, bytes]:
    """Whatever lies in the library under a final name."""
    aside = re.compile(r"\.staging/|.*\.new$")
    return {name: content for name, content in archive.files().items() if not aside.match(name)}


class Scene:
    """Something that is done in an archive, and how that goes where nothing goes wrong.

    Args:
        name: what it is called.
        template: how the archive is found.
        arguments: what is typed in it.
    """

    def __init__(self, name: str, template: Archive, arguments: Sequence[str]) -> None:
        self.name, self.template, self.arguments = name, template, arguments
        archive = self.archive()
        self.root, self.undisturbed = archive.root, self.play(archive)
        assert self.undisturbed.code == 0, self.undisturbed.err
        self.learn(archive)

    def archive(self) -> Archive:
        """A copy of the archive as it is found."""
        root = Path(tempfile.mkdtemp(dir=self.template.root.parent))
        return Archive(shutil.copytree(self.template.root, root, dirs_exist_ok=True), self.template.environment)

    def play(self, archive: Archive, fault: Fault | None = None) -> Ended:
        """Do it, with a fault."""
        command = [sys.executable, "-P", "-m", "librarian", *self.arguments]
        environment = {**os.environ, **archive.variables()}
        return watch(command, archive.root, fault, cwd=archive.root, environment=environment)

    def learn(self, archive: Archive) -> None:
        """Keep what came of it, and what lies there after one more run."""
        self.results = results(archive)
        archive.librarian(*RUN)
        self.state = state(archive)

    def check(self, archive: Archive, ended: Ended) -> None:
        """Look at what a fault left, run without one, and look once more."""
        found = results(archive)
        assert found.items() <= self.results.items(), f"under a final name: {found.keys() - self.results.keys()}"
        assert ended.code or found == self.results, "exit 0, and not all is there"
        before = committed(archive)
        again = archive.librarian(*RUN, code=None)
        assert again.returncode == 0, f"again: exit {again.returncode}\n{again.stderr}"
        assert results(archive) == self.results, "again: other files"
        redone = [file for file, what in before.items() if identity(archive.root / "library" / file) != what]
        assert not redone, f"committed, and redone: {redone}"
        verified = archive.librarian("verify", "--read-data", code=None)
        assert verified.returncode == 0, f"verify: {verified.stdout}{verified.stderr}"
        assert not (left := state(archive) - self.state), f"left behind: {left}"

    def failures(self, kind: str, number: int) -> list[str]:
        """What did not hold, of so many faults of a kind; 0: of one at every call."""
        chosen = points(self.undisturbed, kind, number, f"{SEED} {self.name}")
        assert chosen
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(filter(None, threads.map(self._strike, chosen)))

    def _strike(self, fault: Fault) -> str:
        archive, ended = self.archive(), None
        try:
            ended = self.play(archive, fault)
            check_words(ended, fault.kind)
            assert not ended.outlived, "a process outlived the run"
            self.check(archive, ended)
        except (AssertionError, TimeoutError) as error:
            said = f"{ended.struck}, exit {ended.code}\n{ended.err}" if ended else ""
            return f"{fault.kind} at {fault.at}: {said}\n→ {error}"
        shutil.rmtree(archive.root)
        return ""


class Making(Scene):
    """A project is made, with keys of its own."""

    def learn(self, archive: Archive) -> None:
        """Keep what lies there; the keys are others every time."""
        self.state = state(archive)

    def check(self, archive: Archive, ended: Ended) -> None:
        """Look at what a fault left, make it again where it is no project yet, and look once more."""
        before = keys(archive)
        again = archive.librarian("init", code=None)
        assert again.returncode in ((0, 2) if ended.code else (2,)), again.stderr
        assert again.returncode == 0 or "is a librarian project already" in again.stderr
        assert keys(archive).items() >= before.items(), "another key"
        assert keys(archive).keys() == {"id", "pseudonym"}
        archive.librarian("verify", "--read-data")
        assert state(archive) == self.state


def keys(archive: Archive) -> dict[str, bytes]:
    """The keys that a project has."""
    return {path.name: path.read_bytes() for path in archive.root.glob(".librarian/keys/*") if path.suffix != ".new"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := why_not():
        pytest.skip(reason)
    top = tmp_path_factory.mktemp("torture")
    (top / "recordings").mkdir()
    noise = random.Random(SEED)
    for number in range(RECORDINGS):
        with wave.open(os.fspath(top / f"recordings/{number:02}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, FRAMES, "NONE", ""))
            file.writeframes(noise.randbytes(2 * FRAMES))
    time.sleep(SETTLE_SECONDS)
    return top


@pytest.fixture(scope="module")
def scenes(places: Path) -> dict[str, Scene]:
    """A first run, which makes the project too; one that does again what a first one did; one that finds
    what a killed one left; the making of a project.
    """
    new = Archive(places / "new", {"LIBRARIAN_KEY": KEY, "XDG_CACHE_HOME": str(places / "cache")})
    new.root.mkdir()
    new.job(JOB)
    install(places / "site", new, "torture", EXTENSION)
    have_a_model(places, new.environment)
    if above := os.environ.get("PYTHONPATH"):
        new.environment["PYTHONPATH"] += os.pathsep + above
    first = Scene("a first run", new, RUN)
    done = first.archive()
    done.librarian(*RUN)
    redo = Scene("a redo", done, (*RUN, "--redo", "copies", "--redo-ok"))
    making = Making("init", Archive(new.root, {**new.environment, "LIBRARIAN_KEY": ""}), ["init"])
    recovery = Scene("a recovery", cut_off(redo), redo.arguments)
    return {scene.name: scene for scene in (first, redo, recovery, making)}


def have_a_model(places: Path, environment: dict[str, str]) -> None:
    """A machine on which another project has a model: what a new project begins with, a models.lock, is more then."""
    other = Archive(places / "other", environment)
    other.root.mkdir()
    (places / "weights").mkdir()
    (places / "weights" / "weights.txt").write_text("1\n")
    other.librarian("init")
    other.librarian("models", "add", os.fspath(places / "weights"), "--name", "weights", "--loader", "text")


def cut_off(redo: Scene) -> Archive:
    """An archive in which a redo was killed within the lines of its first group: one is torn, some are whole."""
    archive = redo.archive()
    assert redo.play(archive, Fault("tear a line and kill all", 2)).code == -9  # the first is the job's
    assert list(archive.root.glob("library/.staging/*/*.old"))
    return archive


def committed(archive: Archive) -> dict[str, tuple[int, int]]:
    """File in the library → inode and time of what a manifest line says lies there, wherever it lies yet."""
    library, found = archive.root / "library", {}
    for folder, (job, files) in last_lines(archive).items():
        _, unit, made = folder.split("/")
        aside = [old for old in library.glob(f".staging/*/{unit}.{made}.old") if old.parent.name != job]
        for file in files:
            place = (aside[0] if aside else library / folder) / file
            assert place.exists(), f"committed, and not there: {folder}/{file}"
            found[f"{folder}/{file}"] = identity(place)
    return found


def identity(path: Path) -> tuple[int, int]:
    """What another file in its place would not share."""
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns


def last_lines(archive: Archive) -> dict[str, tuple[str, list[str]]]:
    """Folder → the job that made it last, and its files."""
    found = {}
    for path in sorted(archive.root.glob("manifests/job_*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            body = json.loads(line)["body"] if line.endswith(b"\n") else {"type": "torn"}
            if body["type"] == "outcome" and body["produced"]:
                found[body["folder"]] = (path.stem, [each["file"] for each in body["produced"]])
    return found


def codes(kind: Kind) -> set[int]:
    """How a command may end that met a fault. A disk that fails under a worker may be that of one recording only."""
    if kind.kills:
        return {0, 1} if kind.kills == "worker" else {-signal.SIGKILL}
    return {0: {0}, errno.ENOSPC: {0, 6}, errno.EIO: {0, 1, 6}}[kind.error]


def check_words(ended: Ended, kind: str) -> None:
    """How a command that met a fault ends, and what it says."""
    if not ended.struck:
        return
    assert "Traceback" not in ended.err and "internal error" not in ended.err
    assert ended.code in codes(KINDS[kind])
    if ended.code == 6:
        (line,) = [line for line in ended.err.splitlines() if line.startswith("librarian: ")]
        assert OURS.search(line) and "MiB free" in line


@pytest.mark.parametrize("scene", ["a first run", "a redo"])
def test_what_a_power_failure_may_undo_is_relied_on_by_nothing(scene: str, scenes: dict[str, Scene]) -> None:
    disk = Disk(scenes[scene].root)
    disk.follow(scenes[scene].undisturbed.calls)
    assert not disk.too_early


NOTHING_THERE = {("init", "kill a worker"), ("init", "tear a line and kill all")}
SCENES = ["a first run", "a redo", "a recovery", "init"]


@pytest.mark.parametrize(("scene", "kind"), sorted(set(itertools.product(SCENES, KINDS)) - NOTHING_THERE))
def test_a_fault_costs_nothing_but_what_was_open(
    scene: str, kind: str, scenes: dict[str, Scene], request: pytest.FixtureRequest
) -> None:
    found = scenes[scene].failures(kind, request.config.getoption("--points"))
    assert not found, f"{len(found)} points:\n\n" + "\n\n".join(found)


@pytest.mark.torture
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_at_any_call_costs_nothing_but_what_was_open(scene: str, scenes: dict[str, Scene]) -> None:
    found = scenes[scene].failures("kill all", 0)
    assert not found, f"{len(found)} points:\n\n" + "\n\n".join(found)

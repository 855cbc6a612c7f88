"""Every file-changing call of a run may be the last one, or fail: what a run makes afterwards is as if it had not.

`make test` strikes at a few points of each kind, spread over all sorts of calls; `make torture` at as many as
`--points` says.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
import time
import wave
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from faults import KINDS, Call, Ended, Fault, watch, why_not
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


@dataclass
class Scene:
    """Something that is done in an archive, and what comes of it where nothing goes wrong.

    Attributes:
        name: what it is called.
        template: how the archive is found.
        arguments: what is done in it.
        calls: the file-changing calls of that.
        parent: the process that was started first.
        results: what lies in the library afterwards.
        state: everything that lies there after one more run.
    """

    name: str
    template: Archive
    arguments: Sequence[str]
    calls: list[Call] = field(init=False)
    parent: int = field(init=False)
    results: dict[str, bytes] = field(init=False)
    state: set[str] = field(init=False)

    def __post_init__(self) -> None:
        archive = self.archive(self.template.root.with_name(f"{self.name}, undisturbed"))
        ended = self.play(archive)
        assert ended.code == 0, ended.err
        self.calls, self.parent, self.results = ended.calls, ended.parent, results(archive)
        archive.librarian(*RUN)
        self.state = state(archive)
        shutil.rmtree(archive.root)

    def archive(self, root: Path) -> Archive:
        """A copy of the archive as it is found."""
        shutil.copytree(self.template.root, root)
        return Archive(root, self.template.environment)

    def play(self, archive: Archive, fault: Fault | None = None) -> Ended:
        """Do it, with a fault."""
        command = [sys.executable, "-P", "-m", "librarian", *self.arguments]
        environment = {**os.environ, **archive.environment}
        return watch(command, archive.root, fault, cwd=archive.root, environment=environment)

    def points(self, kind: str, number: int) -> list[int]:
        """Calls for a kind of fault to strike at, by their order: all sorts of calls in turn; 0: all calls."""
        can = [call for call in self.calls if KINDS[kind].meets(call, self.parent)]
        if not number or number >= len(can):
            return list(range(1, len(can) + 1))
        chance = random.Random(f"{SEED} {self.name} {kind}")
        sorts: dict[str, list[int]] = defaultdict(list)
        for at, call in enumerate(can, 1):
            sorts[sort_of(call)].append(at)
        turns = [chance.sample(each, len(each)) for each in sorts.values()]
        chance.shuffle(turns)
        in_turn = (each[turn] for turn in range(len(can)) for each in turns if turn < len(each))
        return sorted(at for at, _ in zip(in_turn, range(number), strict=False))


def sort_of(call: Call) -> str:
    """Calls of one name on files of one sort are of one sort."""
    return re.sub(r"[a-z]{3}_[a-z2-7]{13}|-[a-z2-7]{8}|/[a-z2-7]{2}/|/w\d+/|\d+", "*", str(call))


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
    """A first run, which makes the project too; and one that does again what a first one did."""
    new = Archive(places / "new", {"LIBRARIAN_KEY": KEY, "XDG_CACHE_HOME": str(places / "cache")})
    new.root.mkdir()
    new.job(JOB)
    install(places / "site", new, "torture", EXTENSION)
    if above := os.environ.get("PYTHONPATH"):
        new.environment["PYTHONPATH"] += os.pathsep + above
    first = Scene("first", new, RUN)
    done = first.archive(places / "done")
    done.librarian(*RUN)
    return {"a first run": first, "a redo": Scene("redo", done, (*RUN, "--redo", "copies", "--redo-ok"))}


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


def check_words(ended: Ended, kind: str) -> None:
    """What a run whose disk failed says, and how it ends."""
    assert "Traceback" not in ended.err and "internal error" not in ended.err
    if KINDS[kind].kills:
        assert ended.code in ((0, 1) if KINDS[kind].kills == "worker" else (-9,))
    elif kind == "short write":
        assert ended.code == 0
    else:
        assert ended.code in ((0, 6) if KINDS[kind].error == 28 else (0, 1, 6))
    if ended.code == 6:
        (line,) = [line for line in ended.err.splitlines() if line.startswith("librarian: ")]
        assert OURS.search(line) and "MiB free" in line


def strike(scene: Scene, fault: Fault, root: Path) -> str:
    """Do it with a fault, then without one: why it is not as if there had been none; empty where it is."""
    archive, ended = scene.archive(root), None
    try:
        ended = scene.play(archive, fault)
        check(scene, archive, fault, ended)
    except (AssertionError, TimeoutError) as error:
        said = ended and f"{ended.struck}, exit {ended.code}\n{ended.err}"
        return f"{fault.kind} at {fault.at}: {said}\n→ {error}"
    shutil.rmtree(root)
    return ""


def check(scene: Scene, archive: Archive, fault: Fault, ended: Ended) -> None:
    """Look at what a fault left, run again, and look once more."""
    if ended.struck:
        check_words(ended, fault.kind)
    assert not ended.outlived, "a process outlived the run"
    found = results(archive)
    assert found.items() <= scene.results.items(), f"under a final name: {found.keys() - scene.results.keys()}"
    assert ended.code or found == scene.results, "exit 0, and not all is there"
    before = committed(archive)
    again = archive.librarian(*RUN, code=None)
    assert again.returncode == 0, f"again: exit {again.returncode}\n{again.stderr}"
    assert results(archive) == scene.results, "again: other files"
    redone = [file for file, what in before.items() if identity(archive.root / "library" / file) != what]
    assert not redone, f"committed, and redone: {redone}"
    verified = archive.librarian("verify", "--read-data", code=None)
    assert verified.returncode == 0, f"verify: {verified.stdout}{verified.stderr}"
    assert not (left := state(archive) - scene.state), f"left behind: {left}"


def failures(scene: Scene, kind: str, number: int, places: Path) -> Iterator[str]:
    """What did not hold, of all points."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        points = scene.points(kind, number)
        assert points
        done = threads.map(lambda at: strike(scene, Fault(kind, at), places / f"{scene.name}, {kind} at {at}"), points)
        yield from filter(None, done)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scene", ["a first run", "a redo"])
def test_a_fault_costs_nothing_but_what_was_open(
    scene: str, kind: str, scenes: dict[str, Scene], places: Path, request: pytest.FixtureRequest
) -> None:
    number = request.config.getoption("--points")
    found = list(failures(scenes[scene], kind, number, places))
    assert not found, f"{len(found)} points:\n\n" + "\n\n".join(found)

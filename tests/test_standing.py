"""A plain run where nothing has changed reads no job file; it says and records what an ordinary run would."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from harness import Archive
from units import here, lines, run, sound, toy_archive

from librarian.cli import running
from librarian.manifest.journal import Journal
from librarian.manifest.records import Line

NAME = "Anna Oberhauser"
JOB = f"""
librarian: 1
name: standing
recordings:
  - {{id: talks, path: 'talks/**/*.wav', list: {{file: files.csv, public: [label]}}}}
  - {{id: calls, path: '{NAME}/*.wav', group: '(?P<role>in|out)-(?P<group>\\d+)', roles: {{in: left, out: right}}}}
steps:
  - {{id: voice, use: louder, from: talks, with: {{gain: 1 dB}}}}
  - {{id: cuts, use: chop, from: voice}}
  - {{id: mixed, use: blend, from: calls}}
privacy: {{names: names.txt}}
""".lstrip()
LONG_AGO = 1_000_000_000


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """All of it done, and noted."""
    made = toy_archive(tmp_path_factory.mktemp("standing") / "archive")
    for number, name in enumerate(("talks/one.wav", "talks/more/two.wav", f"{NAME}/in-1.wav", f"{NAME}/out-1.wav"), 1):
        sound(made.root / name, number)
        os.utime(made.root / name, (LONG_AGO, LONG_AGO))
    (made.root / "talks" / "notes.txt").write_text("beside them")
    (made.root / "files.csv").write_text("file,label,gian\none.wav,OH-1,\ntwo.wav,OH-2,\n")
    (made.root / "names.txt").write_text(f"{NAME}\n")
    made.job(JOB)
    ordinary(made)
    return made


@pytest.fixture
def archive(done: Archive) -> Iterator[Archive]:
    """The same for each test: what one changes is put back."""
    kept = done.root.with_name("kept")
    with mock.patch.dict(done.environment):
        subprocess.run(["cp", "-a", done.root, kept], check=True)
        ordinary(done)
        assert looked_only(done)
        yield done
    shutil.rmtree(done.root)
    os.rename(kept, done.root)


@contextlib.contextmanager
def nothing_doubted() -> Iterator[None]:
    """Files change their stat when they are made: the vault doubts them for two seconds."""
    with mock.patch("librarian.privacy.vault.RACY_NS", -(1 << 62)):
        yield


def ordinary(archive: Archive, *options: str, code: int | None = 0) -> str:
    """What an ordinary run says."""
    with nothing_doubted(), mock.patch("librarian.cli.run.as_noted", lambda *_: None):
        return run(archive, *options, code=code).stderr


def looked_only(archive: Archive, *options: str, code: int | None = 0) -> bool:
    """Whether a run did without reading the job file."""
    with nothing_doubted(), mock.patch.object(running, "run_job", wraps=running.run_job) as run_job:
        run(archive, *options, code=code)
    return not run_job.called


def job_file(archive: Archive) -> None:
    archive.job(JOB + "# another word\n")


def a_pipe_for_a_job_file(archive: Archive) -> None:
    (archive.root / "job.yaml").unlink()
    os.mkfifo(archive.root / "job.yaml")


def listed(archive: Archive) -> None:
    (archive.root / "files.csv").write_text("file,label,voice.gain\none.wav,OH-1,3 dB\ntwo.wav,OH-2,\n")


def names(archive: Archive) -> None:
    (archive.root / "names.txt").write_text("Somebody Else\n")


def beside(archive: Archive) -> None:
    (archive.root / "talks" / "cover.jpg").touch()


def in_a_new_folder(archive: Archive) -> None:
    sound(archive.root / "talks" / "even" / "more" / "three.wav", 5)


def touched(archive: Archive) -> None:
    os.utime(archive.root / "talks" / "one.wav", (LONG_AGO, LONG_AGO))


def folder_renamed(archive: Archive) -> None:
    os.rename(archive.root / "talks" / "more", archive.root / "talks" / "less")


def other_entry(archive: Archive) -> None:
    os.rename(archive.root / NAME / "in-1.wav", archive.root / "talks" / "in-1.wav")


def a_link_in_its_place(archive: Archive) -> None:
    os.rename(archive.root / "talks" / "one.wav", archive.root / "one.wav")
    os.symlink("../one.wav", archive.root / "talks" / "one.wav")


def a_folder_in_its_place(archive: Archive) -> None:
    (archive.root / "talks" / "one.wav").unlink()
    (archive.root / "talks" / "one.wav").mkdir()


def extension(archive: Archive) -> None:
    module = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
    module.write_text(module.read_text() + "\n")


def installed(archive: Archive) -> None:
    metadata = Path(archive.environment["PYTHONPATH"]) / "another-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: another\nVersion: 1.0\nSummary: {os.urandom(4)}\n"
    )


def user(archive: Archive) -> None:
    archive.environment["HOME"] = "/home/somebody"


def result_gone(archive: Archive) -> None:
    shutil.rmtree(next((archive.root / "library").rglob("*.louder.audio.*")).parent)


def result_cut(archive: Archive) -> None:
    path = next((archive.root / "library").rglob("*.louder.audio.*"))
    path.chmod(0o600)
    os.truncate(path, 10)


def suspect(archive: Archive) -> None:
    path = next((archive.root / "library").rglob("*.louder.audio.*"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    here(archive, "verify", "--read-data", code=1)


def catalog_gone(archive: Archive) -> None:
    (archive.root / ".librarian" / "catalog.db").unlink()


def vault_gone(archive: Archive) -> None:
    (archive.root / ".librarian" / "vault.db").unlink()


def torn(archive: Archive) -> None:
    with open(max((archive.root / "manifests").glob("*.jsonl")), "ab") as file:
        file.write(b'{"seq":')


def left_open(archive: Archive) -> None:
    path = max((archive.root / "manifests").glob("*.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def manifest_gone(archive: Archive) -> None:
    min((archive.root / "manifests").glob("*.jsonl")).unlink()


def staging_left(archive: Archive) -> None:
    (archive.root / "library" / ".staging" / "job_0" / "0").mkdir(parents=True)


def another_of_its_name(archive: Archive) -> None:
    archive.job(JOB.replace("1 dB", "2 dB"), "other.yaml")
    with nothing_doubted():
        here(archive, "run", "other.yaml", "--workers", "0", "--redo-ok")


def a_part_again(archive: Archive) -> None:
    with nothing_doubted():
        run(archive, "--only", "OH-1")


RAW = [
    *(
        job_file,
        a_pipe_for_a_job_file,
        listed,
        names,
        beside,
        in_a_new_folder,
        touched,
        folder_renamed,
        other_entry,
        a_link_in_its_place,
    ),
    *(a_folder_in_its_place, extension, installed, user, result_gone, result_cut, suspect, catalog_gone, vault_gone),
    *(torn, left_open, manifest_gone, staging_left, another_of_its_name, a_part_again),
]


@pytest.mark.parametrize("change", RAW, ids=lambda change: change.__name__)
def test_whatever_changes_is_left_to_an_ordinary_run(archive: Archive, change: Callable[[Archive], None]) -> None:
    change(archive)
    assert not looked_only(archive, "--redo-ok", code=None)


@pytest.mark.parametrize("change", [job_file, names, beside, touched, extension, user, staging_left])
def test_what_an_ordinary_run_found_done_is_noted_anew(archive: Archive, change: Callable[[Archive], None]) -> None:
    change(archive)
    assert not looked_only(archive)
    assert looked_only(archive)


@pytest.mark.parametrize(
    "typed", [["--only", "OH-1"], ["--sample", "1"], ["--to", "voice"], ["--redo", "cuts"], ["--upgrade"]], ids=" ".join
)
def test_what_is_asked_for_beside_the_job_file_is_an_ordinary_run(archive: Archive, typed: list[str]) -> None:
    assert not looked_only(archive, *typed)


def test_another_machine_is_another_machine_in_the_record(archive: Archive) -> None:
    with mock.patch("librarian.machine.machine_id", lambda key: key.machine("another")):
        assert not looked_only(archive)
        assert lines(archive)[0]["machine"]["id"] != lines(archive, -2)[0]["machine"]["id"]
        assert looked_only(archive)


def test_what_a_worker_is_asked_each_time_is_no_plain_run(archive: Archive) -> None:
    archive.job(JOB.replace("steps:", "steps:\n  - {id: note, use: note, from: talks, with: {speaker: Anna}}"))
    for _ in range(3):
        assert not looked_only(archive)


def said(text: str) -> list[str]:
    """What a run says, without its id and its time."""
    return [line for line in text.splitlines() if "manifests/" not in line and not line.startswith("job_")]


def test_it_says_what_an_ordinary_run_says(archive: Archive) -> None:
    expected = said(ordinary(archive))
    assert any("beside them, not taken: 1 .txt" in line for line in expected)
    assert any("done before" in line for line in expected)
    with nothing_doubted():
        assert said(run(archive).stderr) == expected


def test_its_record_is_that_of_an_ordinary_run(archive: Archive) -> None:
    def recorded() -> list[dict[str, Any]]:
        own = ("salt", "job", "started", "ended")
        return [{name: value for name, value in body.items() if name not in own} for body in lines(archive)]

    ordinary(archive, "--workers", "2")
    expected = recorded()
    assert looked_only(archive, "--workers", "2")
    assert recorded() == expected
    for line in max((archive.root / "manifests").glob("*.jsonl")).read_text().splitlines():
        Line.model_validate_json(line)
    assert looked_only(archive)  # this one's workers are in process
    assert [lines(archive, number)[0]["workers"] for number in (-2, -1)] == [2, 0]
    assert lines(archive)[0]["started"] >= lines(archive, -2)[-1]["ended"]
    of_both = lines(archive) + lines(archive, -2)
    assert len({body["salt"] for body in of_both}) == len(of_both)
    here(archive, "verify", "--read-data")


def test_its_events_and_its_status_are_those_of_an_ordinary_run(archive: Archive) -> None:
    def told() -> list[dict[str, Any]]:
        events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
        status = json.loads(here(archive, "status", "--json").stdout)
        return [{**each, "job": "", "pid": 0, "seconds": 0, "elapsed": 0} for each in (*events, status)]

    ordinary(archive, "--events", "events")
    expected = told()
    assert looked_only(archive, "--events", "events")
    assert told() == expected


def test_names_of_what_it_noted_lie_in_the_vault_only(archive: Archive) -> None:
    holds = {
        path.name
        for path in (archive.root / ".librarian").rglob("*")
        if path.is_file() and NAME.encode() in path.read_bytes()
    }
    assert holds == {"vault.db"}


def test_a_disk_that_fails_is_said(archive: Archive) -> None:
    before = sorted((archive.root / "manifests").iterdir())
    with mock.patch.object(Journal, "append", side_effect=OSError(28, "No space left on device", "manifests/x")):
        assert looked_only(archive, code=6)
    left = set((archive.root / "manifests").iterdir()) - set(before)
    assert all(path.stat().st_size == 0 for path in left)


def test_it_loads_neither_pydantic_nor_yaml(archive: Archive) -> None:
    code = (
        "import sys\nfrom librarian.cli import main\nsys.argv = ['librarian', 'run', 'job.yaml', '--workers', '0']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules)\n"
    )
    with nothing_doubted(), mock.patch.dict(os.environ, archive.environment):
        command = [sys.executable, "-P", "-c", code]
        for _ in range(2):  # its search path is its own: the first one is ordinary
            loaded = subprocess.run(command, cwd=archive.root, capture_output=True, text=True, check=True).stdout
    assert "librarian.run.standing" in loaded
    assert not {"pydantic", "ruamel.yaml", "re2", "importlib.metadata", "librarian.run.start"} & set(loaded.split())

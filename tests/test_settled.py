"""Where nothing has changed since all was done, only the results are looked at; whatever changes is seen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Archive
from units import here, run, sound, toy_archive

from librarian.cli.failures import failure_lines
from librarian.events import Failures
from librarian.manifest.catalog import Catalog

JOB = """
librarian: 1
name: settled
recordings:
  - {id: talks, path: 'talks/*.wav', list: {file: files.csv, public: [label]}}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: louder, from: cuts}
""".lstrip()
LONG_AGO = 1_000_000_000


def only_looked(archive: Archive, *options: str, code: int = 0) -> bool:
    """Whether a run planned nothing; its events say so."""
    run(archive, "--events", "events", *options, code=code)
    events = [json.loads(line)["event"] for line in (archive.root / "events").read_text().splitlines()]
    return "all_stand" in events


@pytest.fixture(params=["noted", "understood"], autouse=True)
def told_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it is told that nothing has changed: by bytes and stats, or by what the job file means."""
    if request.param == "understood":
        monkeypatch.setattr("librarian.cli.run.as_noted", lambda *_: None)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """All of it done, and found done."""
    made = toy_archive(tmp_path / "archive")
    for number, name in enumerate(("one.wav", "two.wav"), 1):
        sound(made.root / "talks" / name, number)
        os.utime(made.root / "talks" / name, (LONG_AGO, LONG_AGO))
    (made.root / "files.csv").write_text("file,label\none.wav,OH-1\ntwo.wav,OH-2\n")
    made.job(JOB)
    with doubting():
        run(made)
    return made


@contextlib.contextmanager
def doubting() -> Iterator[None]:
    """However long ago files changed, the vault doubts them: a busy machine may take longer than its two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("librarian.privacy.vault.RACY_NS", 1 << 62)
        yield


def settle(archive: Archive) -> None:
    """Files change their stat when they are made: the vault doubts them for two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("librarian.privacy.vault.RACY_NS", -(1 << 62))
        assert not only_looked(archive)
        assert only_looked(archive)


def audio_files(archive: Archive) -> list[Path]:
    return sorted((archive.root / "library").rglob("*.louder.audio.*"))


def gain(archive: Archive) -> None:
    archive.job(JOB.replace("1 dB", "2 dB"))


def listed(archive: Archive) -> None:
    (archive.root / "files.csv").write_text("file,label,voice.gain\none.wav,OH-1,3 dB\ntwo.wav,OH-2,\n")


def relabeled(archive: Archive) -> None:
    (archive.root / "files.csv").write_text("file,label\none.wav,OH-1\ntwo.wav,OH-3\n")


def one_more(archive: Archive) -> None:
    sound(archive.root / "talks" / "three.wav", 3)


def one_less(archive: Archive) -> None:
    (archive.root / "talks" / "two.wav").unlink()


def other_content(archive: Archive) -> None:
    sound(archive.root / "talks" / "two.wav", 4)


def moved(archive: Archive) -> None:
    os.rename(archive.root / "talks" / "two.wav", archive.root / "talks" / "zwei.wav")


def result_gone(archive: Archive) -> None:
    shutil.rmtree(audio_files(archive)[0].parent)


def result_cut(archive: Archive) -> None:
    path = audio_files(archive)[0]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


def suspect(archive: Archive) -> None:
    path = audio_files(archive)[0]
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    here(archive, "verify", "--read-data", code=1)


def catalog_gone(archive: Archive) -> None:
    (archive.root / ".librarian" / "catalog.db").unlink()


def revised(archive: Archive) -> None:
    path = audio_files(archive)[0]
    sound(archive.root / "mine.wav", 7)
    here(archive, "revise", str(path), "mine.wav", "--unlike-ok")


CHANGES = [
    *(gain, listed, relabeled, one_more, one_less, other_content, moved),
    *(result_gone, result_cut, suspect, catalog_gone, revised),
]


def test_what_it_says_is_what_a_whole_run_says(archive: Archive) -> None:
    settle(archive)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("librarian.privacy.vault.RACY_NS", -(1 << 62))
        looked = run(archive).stderr.splitlines()[1:3]
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(Catalog, "settled", lambda *_: None)
            whole = run(archive).stderr.splitlines()[1:3]
    assert [line.partition(" s: ")[2] for line in looked] == [line.partition(" s: ")[2] for line in whole]
    assert "done before" in looked[0]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changes_is_planned_anew(archive: Archive, change: Callable[[Archive], None]) -> None:
    settle(archive)
    change(archive)
    assert not only_looked(archive, "--redo-ok")
    here(archive, "verify", "--read-data", code=0)


def test_a_file_that_changed_just_before_is_looked_at_again(archive: Archive) -> None:
    with doubting():
        assert not only_looked(archive)
        assert not only_looked(archive)


def test_what_failed_is_said_again(archive: Archive) -> None:
    sound(archive.root / "talks" / "silent.wav", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("librarian.privacy.vault.RACY_NS", -(1 << 62))
        for _ in range(2):  # the first time it is tried
            assert not only_looked(archive, code=1)
        whole = said_of(archive)
        assert only_looked(archive, code=1)
        assert said_of(archive) == whole
        assert "voice: 1 silent" in whole
        assert planned(archive)["voice"] == planned(archive)["cuts"] == (2, 1)
        assert planned(archive, "--tasks") == planned(archive)


def test_what_failed_is_tried_again_once_something_changes(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(archive.root / "talks" / "silent.wav", 0)
    monkeypatch.setattr("librarian.privacy.vault.RACY_NS", -(1 << 62))
    for _ in range(2):
        run(archive, code=1)
    assert only_looked(archive, code=1)
    assert not only_looked(archive, "--redo", "failed", code=1)
    assert not only_looked(archive, code=1)
    assert only_looked(archive, code=1)
    here(archive, "settle", "silent.wav", "--because", "blank")
    assert not only_looked(archive)  # what the owner decides counts at once
    assert only_looked(archive)
    assert "settled: 2 tasks" in said_of(archive)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("librarian.run.header._stated", lambda package, field: ["0.0"] if field == "Version" else [])
        patch.setattr("librarian.run.standing.state_of_all", lambda: "other")
        assert not only_looked(archive, code=None)  # with other packages it may come out well


def said_of(archive: Archive) -> str:
    """What the last run with events said at its end of what it counted, and of what failed."""
    ended = json.loads((archive.root / "events").read_text().splitlines()[-1])
    failures = [Failures(**{**each, "units": tuple(each["units"])}) for each in ended["failures"]]
    return "\n".join([json.dumps(ended["counts"], sort_keys=True), *failure_lines(failures)])


def planned(archive: Archive, *typed: str) -> dict[str, tuple[int, int]]:
    """Step → tasks that are done, and that failed before."""
    steps = json.loads(here(archive, "plan", "job.yaml", "--json", *typed).stdout)["steps"]
    return {row["step"]: (row["done"], row["known"]) for row in steps}


def test_a_part_of_it_is_a_job_of_its_own(archive: Archive) -> None:
    settle(archive)
    assert not only_looked(archive, "--only", "one.wav")
    assert not only_looked(archive, "--redo", "loud")


def test_a_plan_says_the_same(archive: Archive) -> None:
    settle(archive)
    settled = json.loads(here(archive, "plan", "job.yaml", "--json").stdout)
    listed = json.loads(here(archive, "plan", "job.yaml", "--json", "--tasks").stdout)
    tasks = listed.pop("tasks")
    assert {task["state"] for task in tasks} == {"current"}
    assert settled["steps"] == listed["steps"]
    assert settled["audio_seconds"] == listed["audio_seconds"]

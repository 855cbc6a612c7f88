"""Tasks are committed in groups: durable, in place, durable, recorded, in that order; and what a full disk does."""

from __future__ import annotations

import errno
import gc
import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Archive
from units import artifact, here, lines, outcomes, run, sound, toy_archive

from librarian.job import Recording, Sighting
from librarian.manifest.journal import Journal
from librarian.manifest.store import Store
from librarian.plan import Planner
from librarian.run import commit, probes, work
from librarian.run.probes import Probes
from librarian.run.work import Work
from librarian.workers import inline
from librarian.workers.messages import failed
from librarian.workers.requests import Request

FILES = 30
JOB = """
librarian: 1
name: groups
recordings:
  - {id: all, path: recordings/*.wav}
steps:
  - {id: louder, use: louder, with: {gain: 1 dB}}
  - {id: pieces, use: chop, from: louder}
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = toy_archive(tmp_path / "archive")
    for number in range(1, FILES + 1):
        sound(made.root / "recordings" / f"{number:02}.wav", number, seconds=0.15)
    made.job(JOB)
    return made


class Calls:
    """What happened to the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        for owner, name, word in (
            (Store, "seal_files", "sealed"),
            (Store, "settle", "placed"),
            (Journal, "write", "recorded"),
            (Planner, "task", "planned"),
        ):
            monkeypatch.setattr(owner, name, self._noting(getattr(owner, name), word))
        flushing = Store.flushing
        monkeypatch.setattr(Store, "flushing", lambda store: self._slowly(flushing(store)))

    def _slowly(self, flush: Callable[[], None]) -> Callable[[], None]:
        """A disk that takes its time."""

        def flushed() -> None:
            self.seen.append("flushing")
            time.sleep(0.05)
            flush()
            self.seen.append("flushed")

        return flushed

    def _noting(self, call: Any, word: str) -> Any:
        def noting(*args: Any, **named: Any) -> Any:
            found = call(*args, **named)
            self.seen.append(word)
            return found

        return noting


def test_a_group_is_durable_then_in_place_then_durable_then_recorded(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    run(archive)
    clean = {"sealed": False, "placed": False}
    for each in calls.seen:
        if each in clean:
            assert each != "placed" or not clean["sealed"], "put into place before it was durable"
            clean[each] = True
        elif each == "flushed":
            clean = dict.fromkeys(clean, False)
        elif each == "recorded":
            assert not any(clean.values()), "recorded before it was durable"
    counted = Counter(calls.seen)
    assert counted["placed"] == counted["sealed"] == 2 * FILES
    assert counted["recorded"] < FILES  # many lines at a time


def test_while_the_disk_works_the_next_tasks_are_planned_and_no_file_changes(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "GROUP_TASKS", 5)
    monkeypatch.setattr(inline.Inline, "useful", 8)
    calls = Calls(monkeypatch)
    run(archive)
    meanwhile, flushing = Counter[str](), False
    for each in calls.seen:
        flushing = each == "flushing" or (flushing and each != "flushed")
        meanwhile[each] += flushing and each != "flushing"
    assert meanwhile.keys() - {"flushing", "flushed"} == {"planned", "sealed", "placed", "recorded"}
    assert not meanwhile["sealed"] + meanwhile["placed"] + meanwhile["recorded"]
    assert meanwhile["planned"] >= FILES / 4


def test_what_waits_for_nothing_else_is_recorded_at_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "GROUP_SECONDS", 3600.0)
    monkeypatch.setattr(commit, "GROUP_TASKS", 10_000)
    run(archive, "--sample", "1")
    assert len(outcomes(archive)) == 2


def test_one_that_cannot_be_put_into_place_hurts_only_itself(archive: Archive) -> None:
    run(archive)
    spoiled = outcomes(archive, step="pieces")[7]
    run(archive, "--set", "steps.louder.with.gain=2 dB", "--redo-ok")
    folder = archive.root / "library" / spoiled["folder"]
    (folder / "mine.txt").write_text("not of a task")
    artifact(archive, spoiled, "pieces").unlink()
    for path in (archive.root / "manifests").iterdir():
        path.unlink()  # what lies there is of nobody that is known
    run(archive, code=1)
    ended = Counter(each["outcome"] for each in outcomes(archive))
    assert ended == {"done": 2 * FILES - 1, "failed": 1}
    (line,) = (each for each in outcomes(archive) if each["outcome"] == "failed")
    assert line["cause"]["reason"] == "bad_output"
    assert "unknown origin" in line["cause"]["message"]
    assert (folder / "mine.txt").read_text() == "not of a task"


@pytest.mark.parametrize("where", ["librarian.files.os.fsync", "librarian.files.FileSystem.sync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_where_nothing_can_be_made_durable_nothing_is_recorded(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, where: str, number: int
) -> None:
    run(archive, "--sample", "1")
    before = archive.files()

    def failing(*args: Any) -> None:
        raise OSError(number, os.strerror(number), os.fspath(archive.root / "library" / "x"))

    with monkeypatch.context() as broken:
        broken.setattr(commit, "GROUP_TASKS", 20 if "FileSystem" in where else 1)
        real = Journal.append
        broken.setattr(Journal, "append", lambda self, bodies: _armed(broken, where, failing, real(self, bodies)))
        said = run(archive, code=6).stderr
    assert os.strerror(number) in said
    assert "MiB free" in said
    assert "Traceback" not in said
    assert [each for each in outcomes(archive) if each["outcome"] == "done"] == []
    assert before.items() <= archive.files().items()
    run(archive)
    assert here(archive, "verify", "--read-data").returncode == 0
    assert not (archive.root / "library" / ".staging").exists()


def _armed(patches: pytest.MonkeyPatch, where: str, failing: Any, written: Any) -> Any:
    patches.setattr(where, failing)  # from the first line of the run's own manifest on
    return written


def test_a_disk_that_fills_up_ends_the_run_while_it_can_still_be_recorded(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(10_000))
    with monkeypatch.context() as full:
        full.setattr(work, "LOOK_AGAIN", 0.0)
        full.setattr(inline, "AT_ONCE_SECONDS", 0.0)
        full.setattr(work.Work, "_free", lambda self: 0 if next(looks) > FILES else 1 << 40)
        said = run(archive, code=6).stderr
    assert "the disk takes no more: library/" in said
    assert "what was committed is kept" in said
    done = [each["key"] for each in outcomes(archive)]
    assert 0 < len(done) < 2 * FILES
    run(archive)
    assert not set(done) & {each["key"] for each in outcomes(archive)}
    here(archive, "verify", "--read-data")


def test_a_run_whose_results_will_not_fit_is_refused_before_it_begins(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(archive, "--sample", "3")
    number = len(list((archive.root / "manifests").iterdir()))
    monkeypatch.setattr("librarian.cli.quoting.free_at", lambda library: 20_000)
    said = run(archive, code=6).stderr
    assert "and 19.5 KiB are free where library/ lies" in said
    assert "--full-disk-ok" in said
    assert len(list((archive.root / "manifests").iterdir())) == number
    run(archive, "--full-disk-ok")
    assert lines(archive)[-1]["state"] == "complete"


def test_room_that_tasks_want_while_they_work_counts_before_anything_was_ever_made(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.job(JOB.replace("use: louder", "use: hoard"))
    room = 149_000  # one task of 0.15 s holds 150,000 bytes
    monkeypatch.setattr("librarian.cli.quoting.free_at", lambda library: room)
    said = run(archive, code=6).stderr
    assert "the results will take about 0 B and 146.5 KiB more while they are made" in said
    told = here(archive, "plan", "job.yaml").stderr
    assert "KiB more while they are made, 145.5 KiB free\nthat is not enough" in told
    room = 151_000
    run(archive)
    assert len(outcomes(archive)) == 2 * FILES


def test_no_more_recordings_are_looked_into_than_the_workers_need(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "PROBES_PER_WORKER", 4)
    add, found = Probes.add, list[int]()

    def adding(self: Probes, *given: Any) -> None:
        found.append(self.open)
        add(self, *given)

    monkeypatch.setattr(Probes, "add", adding)
    run(archive)
    assert len(found) == FILES
    assert max(found) == 3


def test_a_request_goes_as_soon_as_it_is_answered(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    submit, asked = Work._submit, weakref.WeakSet[Request]()

    def submitting(self: Work, request: Request, then: Any) -> None:
        asked.add(request)
        submit(self, request, then)

    monkeypatch.setattr(Work, "_submit", submitting)
    gc.disable()
    try:
        run(archive)
        assert not asked
    finally:
        gc.enable()


class TestProbes:
    @staticmethod
    def recording(name: str) -> Recording:
        sighting = Sighting("all", name, 1, 1, 1, 1, 1)
        return Recording(f"rec_{name}", sighting, frozenset({"all"}), "0")

    @pytest.fixture
    def asked(self) -> Iterator[list[tuple[Request, Any]]]:
        found: list[tuple[Request, Any]] = []
        yield found
        assert not found, "a request was never answered"

    def test_some_are_asked_about_together_and_each_is_told_of_its_own(self, asked: list[tuple[Request, Any]]) -> None:
        together = Probes(lambda request, then: asked.append((request, then)))
        told: dict[str, Any] = {}
        for name in "abc":
            together.add(self.recording(name), lambda answer, name=name: told.update({name: answer}))  # type: ignore[misc]
        assert len(together) == 3
        together.send()
        ((request, then),) = asked
        asked.clear()
        assert request.message["paths"] == ["a", "b", "c"]
        answers = [{"type": "done", "facts": {}}, failed("corrupt"), {"type": "done", "facts": {}}]
        then({"type": "done", "answers": answers})
        assert told == dict(zip("abc", answers, strict=True))

    @pytest.mark.parametrize(
        "answer",
        [failed("crash", signal=11), failed("timeout"), {"type": "done", "answers": []}, {"type": "done"}],
        ids=str,
    )
    def test_one_that_takes_the_worker_down_pays_alone(
        self, asked: list[tuple[Request, Any]], answer: dict[str, Any]
    ) -> None:
        together = Probes(lambda request, then: asked.append((request, then)))
        told: dict[str, Any] = {}
        for name in "ab":
            together.add(self.recording(name), lambda answer, name=name: told.update({name: answer}))  # type: ignore[misc]
        together.send()
        asked.pop()[1](answer)
        assert told == {}
        first, second = asked.pop(0), asked.pop(0)
        assert [each[0].message["path"] for each in (first, second)] == ["a", "b"]
        assert first[0].timeout == probes.TIMEOUT_ALONE
        first[1](answer)
        second[1]({"type": "done", "facts": {"seconds": 1.0}})
        assert told == {"a": answer, "b": {"type": "done", "facts": {"seconds": 1.0}}}

    def test_a_full_round_is_sent_at_once_and_what_waits_can_be_dropped(self, asked: list[tuple[Request, Any]]) -> None:
        together = Probes(lambda request, then: asked.append((request, then)))
        for number in range(probes.AT_ONCE + 1):
            together.add(self.recording(str(number)), lambda answer: None)
        assert len(asked.pop()[0].message["paths"]) == probes.AT_ONCE
        assert len(together) == 1
        assert together.open == probes.AT_ONCE + 1
        together.drop()
        together.send()
        assert together.open == probes.AT_ONCE

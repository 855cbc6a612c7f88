"""`show JOB --timing`: what held a job up, from records that were made to be held up by it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Archive
from ledger import ID_KEY, Ledger, job_line, outcome, recording

from librarian.cli.timing import bottleneck, job_times, timing_json, timing_lines
from librarian.manifest.history import History
from librarian.manifest.journal import Journal, new_job_id
from librarian.manifest.records import OutcomeLine, SealLine, SummaryLine

BEGAN = "2026-05-03T14:02:00.000Z"


@dataclass
class Told:
    """The history of a project, and its one job."""

    history: History
    job: str

    def held_up_by(self) -> tuple[str, str, str]:
        return bottleneck(job_times(self.history, self.job))

    def lines(self) -> list[str]:
        return list(timing_lines(self.history, self.job))


def task(number: int, step: str = "voice", sound: float | None = None, **seconds: float) -> OutcomeLine:
    """A task that took so many seconds in each phase."""
    return outcome(recording(number), step=step, timings=seconds, audio_seconds=sound)


@contextlib.contextmanager
def told(root: Path, *tasks: OutcomeLine, seconds: int, workers: int = 2, ends: bool = True) -> Iterator[Told]:
    """A job of so many seconds (at most 59)."""
    ledger = Ledger(root)
    job = new_job_id(ledger.manifests)
    first = job_line(job).model_copy(update={"started": BEGAN, "workers": workers})
    journal = Journal.create(ledger.manifests, job, first)
    if tasks:
        journal.append(tasks)
    if ends:
        ended = BEGAN.replace(":00.", f":{seconds:02d}.")
        journal.append([SummaryLine(recordings=1, counts={})])
        journal.append([SealLine(state="complete", outcomes=len(tasks), ended=ended)])
    journal.close()
    with contextlib.closing(ledger.catalog()) as catalog:
        yield Told(History(catalog, ledger.manifests), job)


def test_a_step_that_computes_all_the_time_is_named_with_how_busy_the_workers_were(tmp_path: Path) -> None:
    tasks = [task(number, compute=8.2, read=1.0, write=0.6, commit=0.2, wait=3.0) for number in range(10)]
    with told(tmp_path, *tasks, seconds=50) as job:
        assert job.held_up_by() == (
            "compute",
            "voice",
            "voice spends 82 % of its time computing; 2 workers were busy 98 % of the 50.0 s",
        )


@pytest.mark.parametrize(
    ("phase", "words"), [("read", "reading its inputs"), ("load", "loading models"), ("write", "writing its outputs")]
)
def test_of_several_steps_the_one_that_takes_longest_in_a_phase_is_named(
    tmp_path: Path, phase: str, words: str
) -> None:
    tasks = [task(number, "words", **{phase: 6.0, "compute": 2.0}) for number in range(6)]
    tasks += [task(number, "voice", compute=2.0) for number in range(6)]
    with told(tmp_path, *tasks, seconds=30) as job:
        what, step, sentence = job.held_up_by()
    assert (what, step) == (phase, "words")
    assert sentence.startswith(f"words takes 80 % of the work and spends 75 % of its time {words}; 2 workers were busy")


IDLE: list[tuple[str, list[dict[str, float]], str]] = [
    ("commit", [{"compute": 0.1, "commit": 3.0}] * 8, "putting results on the disk took 80 % of the time; "),
    ("one task", [{"compute": 0.1}] * 5 + [{"compute": 27.0}], "one task of voice took 90 % of the time, and the rest"),
    ("start-up", [{"wait": 21.0, "compute": 2.0}] * 2, "starting up held it up: the first tasks waited for a worker"),
    ("starved", [{"compute": 0.5}] * 8, "work came slowly: finding and hashing recordings held it up; "),
]


@pytest.mark.parametrize(("what", "spent", "words"), IDLE, ids=[each[0] for each in IDLE])
def test_where_workers_had_little_to_do_it_says_what_they_waited_for(
    tmp_path: Path, what: str, spent: list[Mapping[str, float]], words: str
) -> None:
    tasks = [task(number, **each) for number, each in enumerate(spent)]
    with told(tmp_path, *tasks, seconds=30) as job:
        found, _, sentence = job.held_up_by()
    assert found == what
    assert sentence.startswith(words)
    assert "; 2 workers were busy " in sentence


def test_a_wait_later_on_is_no_start_up(tmp_path: Path) -> None:
    tasks = [task(number, compute=0.1, wait=0.0 if number < 2 else 20.0) for number in range(8)]
    with told(tmp_path, *tasks, seconds=30) as job:
        assert job.held_up_by()[0] == "starved"


def test_a_job_in_the_main_process_counts_as_one_worker(tmp_path: Path) -> None:
    with told(tmp_path, task(1, compute=9.0), seconds=10, workers=0) as job:
        assert job.held_up_by()[2].endswith("; 1 worker was busy 90 % of the 10.0 s")


def test_a_job_that_had_nothing_to_do_says_so(tmp_path: Path) -> None:
    with told(tmp_path, outcome(recording(1), "cached"), outcome(recording(2), "failed"), seconds=1) as job:
        assert job.lines() == ["no task of it was worked on: what it asked for was done before, or could not begin"]
        assert timing_json(job.history, job.job)["bottleneck"] == {"what": "nothing", "step": None}


def test_a_job_that_is_open_is_timed_to_its_last_line(tmp_path: Path) -> None:
    with told(tmp_path, task(1, compute=1.0), seconds=0, ends=False) as job:
        times = job_times(job.history, job.job)
        assert times.elapsed > 0
        assert times.steps["voice"].tasks == 1


def test_totals_medians_speed_and_the_slowest(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "files")
    lengths = [(1.0, 60.0), (2.0, 120.0), (9.0, 540.0), (3.0, None)]
    tasks = [
        ledger.done(recording(number), {"audio.flac": b"x"}, timings={"compute": took}, audio_seconds=sound)
        for number, (took, sound) in enumerate(lengths)
    ]
    with told(tmp_path / "told", *tasks, seconds=20, workers=1) as job:
        lines, found = job.lines(), timing_json(job.history, job.job)
    step = found["steps"]["voice"]
    assert step["seconds"]["compute"] == 15.0
    assert step["median"]["compute"] == 2.5
    assert step["speed"] == 60.0  # 720 s of sound in 12 s; the fourth task has no length
    assert lines[1] == "voice: 4 tasks, 15.0 s of work, 60× real time"
    assert lines[2].split() == ["compute", "15.0", "s", "100", "%", "median", "2.5", "s", "a", "task"]
    slowest = [ID_KEY.artifact(str(tasks[number].key), "audio") for number in (2, 3, 1)]
    assert [each["artifact"] for each in found["slowest"]] == slowest
    assert [line.split()[-1] for line in lines[-3:]] == slowest


def test_what_a_run_records_is_told(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    job = json.loads(calls.librarian("jobs", "--json").stdout)[0]["id"]
    said = calls.librarian("show", job, "--timing")
    assert ("busy" in said.stdout.splitlines()[0]) and ("%" in said.stdout.splitlines()[0])
    assert "voice: 3 tasks, " in said.stdout
    assert "check: 3 tasks, " in said.stdout
    found: dict[str, Any] = json.loads(calls.librarian("show", job, "--timing", "--json").stdout)["timing"]
    assert found["sentence"] == said.stdout.splitlines()[0]
    assert found["steps"].keys() == {"voice", "check"}
    assert 0 < found["busy"] <= 1
    assert f"show {job} --timing" in calls.librarian("show", job).stderr

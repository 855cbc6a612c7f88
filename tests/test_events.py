"""Events as data, and the tally that displays and status stand on."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from librarian.cli.display import Lines
from librarian.cli.live import WIDTH, drawn
from librarian.events import (
    RunEnded,
    RunEnding,
    RunStarted,
    Said,
    Tally,
    TaskEnded,
    TaskProgressed,
    TasksFound,
    TasksStand,
    TaskStarted,
    as_json,
)
from librarian.privacy.scrub import Scrubber

STARTED = RunStarted("job_x", "many", 10, 1000, 2, {"voice": 10, "words": 10})
SCRUBBER = Scrubber(b"k" * 32)


def ended(step: str, outcome: str = "done", seconds: float = 2.0, unit: str = "rec_a") -> TaskEnded:
    bad = outcome in ("failed", "skipped")
    reason, message = ("crash", SCRUBBER.scrub("it broke")) if bad else ("", SCRUBBER.scrub(""))
    return TaskEnded(step, unit, outcome, seconds, 60.0, reason, message, {"gain": 1.5})


def tally(*events: object) -> Tally:
    made = Tally()
    for event in (STARTED, *events):
        made(event)  # type: ignore[arg-type]
    return made


def test_every_event_is_a_json_line_with_its_name() -> None:
    events = [
        STARTED,
        TaskStarted("voice", "rec_a"),
        TasksStand("rec_b", ("voice",)),
        TasksFound({"words": 3}),
        ended("voice"),
        Said(SCRUBBER.scrub("x")),
    ]
    names = [json.loads(json.dumps(as_json(event)))["event"] for event in events]
    assert names == ["run_started", "task_started", "tasks_stand", "tasks_found", "task_ended", "said"]
    assert as_json(ended("voice"))["facts"] == {"gain": 1.5}


@pytest.mark.parametrize(("interrupted", "said"), [(True, "none done"), (False, "nothing to do")])
def test_a_run_that_was_interrupted_before_anything_was_done_had_something_to_do(interrupted: bool, said: str) -> None:
    shown: list[str] = []
    lines = Lines({}, shown.append, each_task=True)
    lines(RunEnded("job_x", 10, {"voice": {}, "words": {}}, 5.0, interrupted=interrupted))
    assert shown[:3] == [f"10 recordings in 5.0 s: {said}", f"  voice  {said}", f"  words  {said}"]


def test_waiting_counts_down_with_whatever_ends() -> None:
    found = tally(
        ended("voice"), ended("voice", "failed"), ended("words", "skipped"), TasksStand("rec_b", ("voice", "words"))
    )
    assert (found.waiting("voice"), found.waiting("words")) == (7, 8)


def test_what_is_found_on_the_way_is_waited_for_too() -> None:
    found = tally(TasksFound({"words": 3}), ended("words"), TasksFound({"words": 1, "voice": 2}))
    assert (found.waiting("voice"), found.waiting("words")) == (12, 13)


def test_more_tasks_than_expected_never_make_it_negative() -> None:
    assert tally(*[ended("voice")] * 12).waiting("voice") == 0


def test_speed_is_sound_over_work_and_leaves_failures_out() -> None:
    assert tally(ended("voice", seconds=2.0), ended("voice", seconds=4.0)).speed("voice") == 20.0
    assert tally(ended("voice", "failed")).speed("voice") is None


def test_time_left_is_not_known_before_every_step_has_worked() -> None:
    assert tally(ended("voice")).left() is None
    assert tally(ended("voice", seconds=2.0), ended("words", seconds=1.0)).left() == (9 * 2.0 + 9 * 1.0) / 2


def test_what_stands_already_costs_no_time() -> None:
    stands = [TasksStand(f"rec_{number}", ("voice", "words")) for number in range(10)]
    assert tally(*stands).left() == 0.0


def test_a_snapshot_is_plain_data() -> None:
    found = tally(TaskStarted("voice", "rec_a"), TaskProgressed("voice", "rec_a", 0.25), ended("words", "failed"))
    snapshot = json.loads(json.dumps(found.snapshot()))
    assert snapshot["state"] == "running"
    assert snapshot["running"] == [{"step": "voice", "unit": "rec_a", "done": 0.25}]
    failure = {"step": "words", "unit": "rec_a", "label": "", "reason": "crash", "message": "it broke"}
    assert snapshot["failure"] == failure
    found(RunEnded("job_x", 10, {}, 5.0, interrupted=True))
    assert found.snapshot()["state"] == "interrupted"
    assert found.snapshot()["steps"]["voice"]["waiting"] == 10


def test_the_live_table_fits_eighty_columns_and_marks_the_slowest() -> None:
    busy = [ended("voice", seconds=9.0), ended("words", seconds=1.0), ended("words", "failed")]
    started = RunStarted("job_x", "many", 10, 1000, 2, {"voice": 1_234_567, "words": 10, "s" * 48: 10})
    found = tally(started, *busy, *[TaskProgressed("voice", f"rec_{number:013}", 0.5) for number in range(9)])
    console = Console(width=WIDTH, record=True, color_system=None)
    with console.capture() as capture:
        console.print(drawn(found, WIDTH, free=10**12))
    lines = capture.get().splitlines()
    assert len(lines) == 7  # a head, a row a step, the foot, what is running, what failed last: nothing wrapped
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1].endswith("it broke")
    assert "slowest" in next(line for line in lines if line.startswith("voice"))
    assert "slowest" not in next(line for line in lines if line.startswith("words"))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (RunEnding("signal", 0, 10.0), "stopping: what is done is being recorded"),
        (RunEnding("time", 2, None), "the time is up: waiting for 2 tasks under way"),
        (RunEnding("disk", 1, 10.0), "the disk takes no more: waiting for 1 task under way, 10.0 s at the most"),
    ],
)
def test_why_a_run_ends_early_and_what_it_waits_for(event: RunEnding, said: str) -> None:
    shown: list[str] = []
    Lines({}, shown.append, each_task=True)(event)
    assert shown == [said]

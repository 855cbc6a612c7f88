"""Progress inside a notebook: a bar a step that ends where the tasks end."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from librarian.cli.bars import Bars
from librarian.cli.observers import in_notebook
from librarian.events import AllStand, Event, RunEnded, RunStarted, TaskEnded, TasksFound, TasksStand
from librarian.privacy.scrub import Scrubber

STARTED = RunStarted("job_x", "many", 3, 1000, 2, {"voice": 3, "pieces": 0})
ENDED = RunEnded("job_x", 3, {}, 1.0, False)


def ended(step: str, outcome: str = "done") -> TaskEnded:
    return TaskEnded(step, "rec_a", outcome, 1.0, 2.0, "", Scrubber(b"k" * 32).scrub(""), {})


def shown(capsys: pytest.CaptureFixture[str], *events: Event) -> list[str]:
    """The last state of each bar."""
    bars = Bars()
    for event in (STARTED, *events, ENDED):
        bars(event)
    last: dict[str, str] = {}
    for line in capsys.readouterr().err.replace("\n", "\r").split("\r"):
        if ":" in line:
            last[line.partition(":")[0]] = line
    return list(last.values())


def test_a_bar_a_step_counts_what_was_there_and_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    voice, _ = shown(capsys, TasksStand("rec_b", ("voice",)), ended("voice"), ended("voice"))
    assert voice.startswith("voice: 100%")
    assert "3/3" in voice


def test_failures_are_counted_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    voice, _ = shown(capsys, ended("voice"), ended("voice", "failed"), ended("voice", "skipped"))
    assert "failed=2" in voice


def test_items_that_come_up_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    _, pieces = shown(capsys, TasksFound({"pieces": 2}), ended("pieces"))
    assert "1/2" in pieces


def test_where_all_stands_the_bars_are_full(capsys: pytest.CaptureFixture[str]) -> None:
    voice, pieces = shown(capsys, AllStand({"voice": 3, "pieces": 7}))
    assert "3/3" in voice
    assert "7/7" in pieces


def test_a_notebook_is_told_by_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert in_notebook()

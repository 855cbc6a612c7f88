"""How much of a sound has gone by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from librarian.audio import progress
from librarian.audio.progress import PAUSE, Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set by a test."""
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_each_hundredth_is_told_once(clock: list[float]) -> None:
    told: list[float] = []
    counted = Progress(told.append, 20_000)
    for _ in range(4):
        clock[0] += PAUSE + 0.001
        counted.add(100)  # half of a hundredth
    assert told == [0.01, 0.02]


def test_more_than_was_expected_is_all(clock: list[float]) -> None:
    told: list[float] = []
    for _ in Progress(told.append, 150).of(np.zeros((2, 100), np.float32) for _ in range(2)):
        clock[0] += PAUSE + 0.001
    assert told == [100 / 150, 1.0]


def test_what_goes_by_in_no_time_is_told_after_a_pause_and_at_its_end(clock: list[float]) -> None:
    told: list[float] = []
    counted = Progress(told.append, 1000)
    for _ in range(10):
        counted.add(50)
    assert told == []
    clock[0] += PAUSE + 0.001
    counted.add(50)
    counted.add(50)
    assert told == [0.55]
    counted.add(400)
    assert told == [0.55, 1.0]

"""What ends a run early: a signal, the hour, a full disk, too many failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

HURRIED = frozenset({"disk", "signal"})
"""Reasons for which what runs is given some seconds only; else it may take as long as it takes."""


@dataclass(frozen=True)
class Halt:
    """What ends a run early.

    Attributes:
        stopped: the number of the signal that asks it to stop, else 0.
        until: when nothing new is begun any more (seconds since the epoch).
        failures: tasks that fail before nothing new is begun; None for any number.
    """

    stopped: Callable[[], int] = lambda: 0
    until: float = float("inf")
    failures: int | None = None

    def why(self, *, failed: int, disk_full: bool) -> str:
        """Why nothing new is begun: `disk`, `signal`, `failures` or `time`; empty where nothing ends the run.

        Args:
            failed: tasks that failed by now.
            disk_full: whether the disk is full.
        """
        if disk_full:
            return "disk"
        if self.stopped():
            return "signal"
        if self.failures is not None and failed >= self.failures:
            return "failures"
        return "time" if time.time() >= self.until else ""

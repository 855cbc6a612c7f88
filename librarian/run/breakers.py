"""What fails again and again is left alone for the rest of a run: an extension, or a host that does not answer.

A breaker (M. Nygard, Release It!, 2007) that opens stays open: the next run tries again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from librarian.errors import REMEMBERED
from librarian.job import Step

MOST_UNREACHED = 3
"""Tasks in a row whose hosts could not be reached, each of them tried again and again."""
MOST_FAILED = 25
"""Tasks in a row of one extension that failed, for causes that do not lie in a recording."""
_NOT_ITS_OWN = REMEMBERED | {"disk", "input_changed", "interrupted"}
"""Causes that tell nothing of an extension."""


Key = tuple[Literal["extension", "host"], str]


@dataclass(frozen=True)
class Opened:
    """A breaker that has just opened."""

    of: Literal["extension", "host"]
    name: str
    reason: str
    failures: int

    def __str__(self) -> str:
        return f"{self.name} failed {self.failures} times in a row: it is left alone until the next run"


class Breakers:
    """Failures in a row, by extension and by host, and what is broken off."""

    def __init__(self) -> None:
        self._failed: Counter[Key] = Counter()
        self._open: dict[Key, Opened] = {}

    def refusal(self, step: Step) -> str:
        """Why a step's tasks are not tried any more; empty where they are."""
        if found := self._open.get(("extension", step.declaration.extension)):
            return str(found)
        silent = [self._open.get(("host", host)) for host in step.hosts]
        return str(silent[0]) if silent and all(silent) else ""

    def note(self, step: Step, reason: str) -> Iterator[Opened]:
        """Take in how a task ended; give what opens by that.

        Args:
            step: its step.
            reason: class of the cause of its failure; empty where it ended well.
        """
        extension: Key = ("extension", step.declaration.extension)
        hosts: list[Key] = [("host", host) for host in step.hosts]
        if not reason:
            for key in (extension, *hosts):
                self._failed.pop(key, None)
        elif reason == "unreachable":
            for key in hosts:
                yield from self._count(key, reason, MOST_UNREACHED)
        elif reason not in _NOT_ITS_OWN:
            yield from self._count(extension, reason, MOST_FAILED)

    def _count(self, key: Key, reason: str, most: int) -> Iterator[Opened]:
        self._failed[key] += 1
        if self._failed[key] >= most and key not in self._open:
            self._open[key] = Opened(*key, reason, self._failed[key])
            yield self._open[key]

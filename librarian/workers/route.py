"""Child side: what tasks of one operation with the same settings have in common, and what was learnt of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from librarian.operation import Operation, Settings
from librarian.workers.ladder import rungs_of
from librarian.workers.messages import Message, failed
from librarian.workers.runners import Runner, named, splits, use

PARENT_BUSY = 0.03
"""So long the parent may take for a commit; the worker has something to do meanwhile (s)."""
MOST_AHEAD = 64
LEARNT_FROM = 8
"""Tasks, about, over which the time that one takes is averaged."""
SINGLY = {"singly": True}
"""In the record: computed by itself, where a batch took more memory than there is."""


class Route:
    """An operation with its settings, on a device.

    Attributes:
        models: what its tasks may ask for: name → where it lies, and what it must be.
        rungs: all ways to run its tasks, from what was asked for to what needs the least memory.
        start: the rung at which its next task begins, the one with which the last task had memory enough.
        singly: whether a batch took more memory than there is.
        use: what the parent is told of it.
    """

    def __init__(
        self, name: str, operation: Operation, settings: Settings, device: str, models: Mapping[str, Any]
    ) -> None:
        self.name, self.operation, self.models = name, operation, models
        self.rungs = rungs_of(operation, settings, device)
        self.start = 0
        self.singly = False
        self.batch = 1
        self.use: Message = {}
        self._seconds = 0.0

    @cached_property
    def splits(self) -> bool:
        """Whether it is a class that reads, computes and writes apart."""
        return splits(named(self.operation))

    def runs_as(self, runner: Runner) -> None:
        """Learn how its tasks are run."""
        self.batch = 1 if self.singly else runner.batch
        self.use = {"ahead": max(2, self._ahead()), "batch": 0} if not runner.splits else use(self.batch)

    def took(self, seconds: float) -> None:
        """Learn how long a task took that was done by itself."""
        self._seconds += (seconds - self._seconds) / LEARNT_FROM if self._seconds else seconds

    def _ahead(self) -> int:
        """Tasks that fill the time for which the parent may be busy with something else."""
        return min(MOST_AHEAD, int(PARENT_BUSY / max(self._seconds, 1e-6))) if self._seconds else 0

    def run_singly(self) -> None:
        """From now on nothing is computed together."""
        self.singly, self.batch = True, 1

    def first(self, request: Message) -> int:
        """The rung at which a task begins; the parent asks for a later one where one killed its worker."""
        return max(self.start, int(request.get("rung", 0)))

    def taken(self, request: Message, number: int) -> Message:
        """What the answer to a task says of the rungs that were taken until it was done on rung `number`."""
        first = 1 if request.get("rung") else max(1, self.start)
        rungs: list[Any] = [SINGLY] if self.singly else []
        rungs += [rung.record for rung in self.rungs[first : number + 1]]
        return {"rungs": rungs, "degraded": self.rungs[number].degrades} if rungs else {}

    def out_of_memory(self) -> Message:
        """The answer where no rung is left."""
        tried = (["computed by itself"] if self.singly else []) + [str(rung) for rung in self.rungs[1:]]
        return failed("out_of_memory", message=", nor ".join(["memory does not suffice", *tried]))


def empty(folder: str) -> None:
    """Throw away what a try left in its folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)

"""What came of the tasks of a run, counted: by outcome, and of what did not end well by step, cause and state."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from librarian.events import Failures
from librarian.manifest.catalog import Catalog
from librarian.plan import Task

MOST_NAMED = 5
"""Units of a cause that are named; more are counted."""


@dataclass
class _Found:
    tasks: int = 0
    tried: int = 0
    units: list[str] = field(default_factory=list)


class Ledger:
    """Counts of one run.

    Args:
        job_name: the job.
        catalog: knows what the owner settled.

    Attributes:
        counts: step → outcome → tasks.
        withheld: step → tasks that would have been done again and were left as they are.
    """

    def __init__(self, job_name: str, catalog: Catalog) -> None:
        self._job_name, self._catalog = job_name, catalog
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.withheld: Counter[str] = Counter()
        self._bad: dict[tuple[str, str, str, str], _Found] = defaultdict(_Found)

    def count(self, task: Task, outcome: str) -> None:
        """Take in how a task ended."""
        self.counts[task.step.id][outcome] += 1
        self.withheld[task.step.id] += bool(task.withheld)

    def uncount(self, task: Task) -> None:
        """Take back that a task stood: its result is made again for others."""
        self.counts[task.step.id]["cached"] -= self.counts[task.step.id]["cached"] > 0
        self.counts[task.step.id] = +self.counts[task.step.id]

    def fail(self, task: Task, outcome: str, reason: str, *, tried: bool, settled: bool) -> bool:
        """Take in a task that did not end well.

        Args:
            task: the task.
            outcome: failed or skipped.
            reason: class of the cause.
            tried: whether it was tried this time.
            settled: whether it is only what follows from a failure that the owner settled.

        Returns:
            Whether it is settled.
        """
        self.count(task, outcome)
        settled = settled or self._catalog.is_settled(self._job_name, task.step.id, task.unit, reason)
        state = "settled" if settled else "known" if task.before == reason else "new"
        found = self._bad[task.step.id, outcome, reason, state]
        found.tasks += 1
        found.tried += tried
        if len(found.units) < MOST_NAMED:
            found.units.append(task.label or task.unit)
        return settled

    @property
    def failures(self) -> tuple[Failures, ...]:
        """What did not end well, the new first, the most frequent first."""
        order = {"new": 0, "known": 1, "settled": 2}
        found = [Failures(*of, each.tasks, each.tried, tuple(each.units)) for of, each in self._bad.items()]
        return tuple(sorted(found, key=lambda each: (order[each.state], each.outcome, -each.tasks)))

"""The plan as a quotation: for each step what is done, what is to be done and why, and what it will take.

Nothing is run and no content is read. What is not known yet is estimated from what is (length from size, time and
space from what the same steps took on this machine before), or said to be unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from librarian.job import JOB, Family, Recording, Step, is_whole
from librarian.keys import IdKey
from librarian.manifest.catalog import Catalog, Settled, Speed
from librarian.plan.foresight import Foresight, items_expected
from librarian.plan.gather import Gathering
from librarian.plan.shape import Node, Result, Shape, Unit, units_of
from librarian.plan.task import ASKED_FOR, Planner, Task
from librarian.plan.weave import Weave

Length = Callable[[Recording], float]
"""Seconds of sound of a recording, known or estimated."""


@dataclass
class Row:
    """One step of a quotation.

    Attributes:
        step: the step.
        done: tasks whose results count as they are.
        new: tasks without a result.
        redo: tasks that have a result, to be done again.
        kept: results that would be made anew, and are left as they are.
        known: tasks that failed before and are not tried again, and those that lack what they would have made.
        lists: lists of this step that are not made yet: what hangs on their items cannot be counted.
        open: whether it works on items of such lists.
        reasons: why there is something to do → tasks.
        audio: seconds of sound to go through.
        finished: seconds of sound of what has a good result, redone or not.
        redone: of these, what would be redone without having been asked for.
        longest: seconds of sound of the longest task that is to be done.
    """

    step: Step
    done: int = 0
    new: int = 0
    redo: int = 0
    kept: int = 0
    known: int = 0
    lists: int = 0
    open: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    audio: float = 0.0
    finished: float = 0.0
    redone: float = 0.0
    longest: float = 0.0

    @property
    def todo(self) -> int:
        """Tasks to be done."""
        return self.new + self.redo

    def count(self, task: Task, seconds: float) -> None:
        """Take in a task that works on so many seconds of sound."""
        if task.state == "known":
            self.known += 1
            return
        if task.state == "todo":
            self.reasons[task.why] += 1
            self.audio += seconds
            self.longest = max(self.longest, seconds)
            self.redo += task.replaces
            self.new += not task.replaces
        else:
            self.done += 1
            self.kept += bool(task.withheld)
        if task.state != "todo" or task.replaces:
            self.finished += seconds
        if task.replaces and task.why != ASKED_FOR and not task.by_hand:
            self.redone += seconds

    def takes(self, speed: Speed | None) -> float | None:
        """Seconds of work for what is to be done; None where nothing like it was done before."""
        return self._as_before(speed, speed.seconds if speed else 0.0)

    def makes(self, speed: Speed | None) -> float | None:
        """Bytes of what is to be made; None where nothing like it was made before."""
        return self._as_before(speed, speed.bytes if speed else 0.0)

    def holds(self, workers: int) -> float:
        """Bytes that its tasks hold beside their outputs while they work, where each worker is at the longest."""
        most = min(self.step.scratch * self.longest, self.step.declaration.resources.output)
        return min(workers, self.todo) * most

    def _as_before(self, speed: Speed | None, amount: float) -> float | None:
        """What is to be done, in proportion to what was done: by its sound, or by the task where there is none."""
        if not self.todo and not self.open:
            return 0.0
        if speed is None or self.open:
            return None
        return amount * (self.audio / speed.audio if speed.audio else self.todo / speed.tasks)


class Quote:
    """Goes through all families as a run would, and adds up.

    Args:
        shape: how the steps hang together.
        planner: says what there is to do about each task.
        catalog: what was made so far.
        id_key: makes ids.
        length: how long recordings are.
        each: told of every task.

    Attributes:
        rows: step → its row.
        audio: seconds of sound of all recordings.
    """

    def __init__(
        self,
        shape: Shape,
        planner: Planner,
        catalog: Catalog,
        id_key: IdKey,
        length: Length,
        each: Callable[[Task], None] = lambda task: None,
    ) -> None:
        self._shape, self._planner, self._catalog, self._id_key = shape, planner, catalog, id_key
        self._length, self._each = length, each
        self._foresight = Foresight(shape, planner, catalog)
        self._begin()

    def _begin(self) -> None:
        self._outer: dict[str, Result] = {}
        self._gathering = Gathering(self._shape, 0)
        self._asked = False
        self.audio = 0.0
        self.rows = {step.id: Row(step) for step in self._shape.steps}

    def stand(self, families: Iterable[Family], found: Settled) -> Mapping[str, Row]:
        """Where it is known that nothing is to be done, only the sound is added up."""
        self.audio = sum(self._length(each) for family in families for each in family.recordings if not each.earlier)
        for step, tasks in found.counts.items():
            self.rows[step].done = tasks
        for each in found.failures:
            self.rows[each.step].known += each.tasks
        return self.rows

    def go(self, families: Callable[[], Iterable[Family]]) -> Mapping[str, Row]:
        """Add up; `families` goes through them from the first on."""
        each = self._each
        if self._foresight and any(is_whole(step.level) for step in self._shape.steps):
            # What the whole job takes and was dropped is only known once all families are through.
            self._each = _ignore
            while self._go(families) and self._asked:
                self._begin()
            self._begin()
        self._each = each
        return self._go(families)

    def _go(self, families: Callable[[], Iterable[Family]]) -> Mapping[str, Row]:
        last = Weave(self._shape, (), self._id_key, [Unit("", JOB)])
        for stage in range(self._shape.stages):
            whole, steps = self._shape.whole(stage), self._shape.of_stage(stage)
            self._gathering = Gathering(self._shape, stage)
            for family in families() if steps or self._gathering else ():
                if stage == 0:
                    self.audio += sum(self._length(each) for each in family.recordings if not each.earlier)
                self._family(family, steps, stage)
            if whole:
                last.go_on(whole, self._gathering.gathered())
                self._walk(last)
        for row in self.rows.values():
            row.open = any(self.rows[each.partition(".")[0]].lists for each in row.step.level if "." in each)
        return self.rows

    def _family(self, family: Family, steps: tuple[Step, ...], stage: int) -> None:
        def woven() -> Weave:
            here = (self._shape, steps, self._id_key, units_of(family))
            return Weave(*here, family=family, outer=self._outer, stage=stage)

        self._foresight.family(woven)
        weave = woven()
        self._walk(weave)
        self._gathering.take(weave)

    def _walk(self, weave: Weave) -> None:
        while node := weave.ready():
            task = self._planner.task(node)
            if not node.silent:
                self.rows[node.step.id].count(task, self._seconds(node, weave.family))
                self._each(task)
            lists = self._shape.lists[node.step.id]
            good = not node.lost and task.state != "known"  # what is to be done is taken to end well
            if good and task.state == "todo" and weave.family is None:
                self._asked |= self._foresight.asks(task)
            items = items_expected(self._catalog, task, lists) if lists and good else {}
            if items is None and not node.silent:
                self.rows[node.step.id].lists += 1
            weave.decide(node, Result(task.key, good), items)
            if node.unit.level == JOB:
                self._outer[node.step.id] = Result(task.key, good)
        for node in weave.waiting():
            if weave.family is None:
                self._asked |= self._foresight.asks_for_all(node.step)
            if not node.silent:
                task = self._planner.waiting(node)
                self.rows[node.step.id].count(task, self._seconds(node, weave.family))
                self._each(task)

    def _seconds(self, node: Node, family: Family | None) -> float:
        unit = node.unit
        if unit.items:
            return float(self._catalog.artifact(unit.id).facts.get("seconds") or 0.0)
        if unit.recording:
            return self._length(unit.recording)
        return sum(map(self._length, family.recordings)) if family else self.audio


def _ignore(task: Task) -> None:
    """Is told of a task that is looked at once more."""

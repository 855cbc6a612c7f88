"""What was dropped and is needed: found before a family is worked through, so that it is made again first.

What has to be made again is made by what is installed now, and its key may be another then, with which all that hangs
on it changes. So a family in which something was dropped is walked once for the look of it, and again as long as that
asks for more: a result that is made again may need others that were dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from librarian.job import Step, is_whole
from librarian.manifest.catalog import Catalog
from librarian.plan.shape import Node, Result, Shape
from librarian.plan.task import Planner, Task
from librarian.plan.weave import Weave

Planned = dict[tuple[str, str], Task]
"""(step, unit) → task."""


class Foresight:
    """Finds what is asked for, and tells the planner.

    Args:
        shape: how the steps hang together.
        planner: says what there is to do; what it is asked for grows.
        catalog: what was made so far.

    Attributes:
        shape, planner: the same.
    """

    def __init__(self, shape: Shape, planner: Planner, catalog: Catalog) -> None:
        self.shape, self.planner, self._catalog = shape, planner, catalog
        self._gathered = {
            source.step
            for step in shape.steps
            for source in (each for sources in step.inputs.values() for each in sources)
            if is_whole(step.level)
        }
        self._resting: dict[str, set[str]] = defaultdict(set)
        self._has_any = any(step.until_used for step in shape.steps) or catalog.has_dropped(shape.job.name)

    def __bool__(self) -> bool:
        """Whether anything may be found."""
        return self._has_any

    def family(self, weave: Callable[[], Weave]) -> Planned:
        """Find what a family asks for.

        Args:
            weave: makes its tasks, all to be decided.

        Returns:
            What stands in it, as it is planned then.
        """
        if not self._has_any:
            return {}
        while True:
            before, found = len(self.planner.asked), self._walk(weave())
            if len(self.planner.asked) == before:
                return found

    def asks(self, task: Task) -> bool:
        """Ask for whatever a task takes and was dropped; whether there is more of that than was asked for before."""
        keys = {self._catalog.dropped_key(each.id) for each in task.inputs if each.step} if self._has_any else set()
        return self._ask((key for key in keys if key), task.step.id)

    def asks_for_all(self, step: Step) -> bool:
        """The same of a step of the whole job that gathers what is not known yet: of all that was dropped."""
        sources = {source.step for sources in step.inputs.values() for source in sources}
        return self._ask((key for each in sources for key in self._resting[each]), step.id)

    def _ask(self, keys: Iterable[str], step: str) -> bool:
        new = [key for key in keys if key not in self.planner.asked]
        self.planner.asked |= dict.fromkeys(new, step)
        return bool(new)

    def _walk(self, weave: Weave) -> Planned:
        found: Planned = {}
        dropped: dict[str, list[str]] = defaultdict(list)
        open_lists: set[str] = set()
        while node := weave.ready():
            task = self.planner.task(node)
            good = self._ends_well(node, task)
            if task.state == "current":
                found[node.step.id, node.unit.id] = task
                if task.dropped:
                    dropped[node.step.id].append(task.key)
            elif task.state == "todo" and good:
                self.asks(task)
            lists = self.shape.lists[node.step.id]
            items = items_expected(self._catalog, task, lists) if lists and good else {}
            open_lists |= set() if items is not None else {f"{node.step.id}.{output}" for output in lists}
            weave.decide(node, Result(task.key, good), items)
        for step in dropped.keys() & self._gathered:
            self._resting[step].update(dropped[step])
        self._ask_for_open(weave, open_lists, dropped)
        return found

    def _ends_well(self, node: Node, task: Task) -> bool:
        """Whether a task leaves something, as far as can be told: what is to be done is taken to end well."""
        if node.lost or task.state == "known":
            return False
        return not (node.silent and task.state == "todo" and self.planner.has_failed(task))

    def _ask_for_open(self, weave: Weave, lists: set[str], dropped: Mapping[str, list[str]]) -> None:
        """Where a list is not made yet, whatever hangs on its items is taken to be done."""
        steps = {node.step.id: node.step for node in weave.waiting()}
        steps |= {step.id: step for step in self.shape.steps if lists.intersection(step.level)}
        for step in steps.values():
            for source in (each for sources in step.inputs.values() for each in sources):
                self._ask(dropped.get(source.step, ()), step.id)


def items_expected(catalog: Catalog, task: Task, lists: Iterable[str]) -> dict[str, list[str]] | None:
    """The items of each list that a task put out, or will; None where they cannot be known yet."""
    is_known = task.state != "todo" or (task.dropped and catalog.made(task.key) is not None)
    return items_of(catalog, task.key, lists) if is_known else None


def items_of(catalog: Catalog, key: str, lists: Iterable[str]) -> dict[str, list[str]]:
    """Output → ids of the items of each list that was put out under a task key."""
    made = catalog.made(key) if key else None
    found: dict[str, list[str]] = {output: [] for output in lists}
    for artifact in made.artifacts if made else ():
        if artifact.output in found:
            found[artifact.output].append(artifact.id)
    return found

"""What persons made in the place of results: later steps take it, and are done again for it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from librarian.keys import IdKey
from librarian.manifest.catalog import Catalog
from librarian.manifest.revisions import Revision
from librarian.plan.shape import Input

if TYPE_CHECKING:
    from librarian.plan.task import Task


class ByHand:
    """Whether tasks are to be done again for no other reason than that a person revised what they take.

    Args:
        catalog: what was made so far.
        id_key: makes ids.
    """

    def __init__(self, catalog: Catalog, id_key: IdKey) -> None:
        self._catalog, self._id_key = catalog, id_key
        self._follows: set[str] | None = None

    def reason(self, before: Mapping[str, Any], inputs: Sequence[Input]) -> tuple[str, bool]:
        """Which inputs a person revised since, in a few words; and whether nothing else about them changed.

        Args:
            before: the key document of what is current.
            inputs: what the task takes now.
        """
        old = {tuple(each) for each in before.get("inputs", ())}
        new = {(each.port, each.role, each.id) for each in inputs}
        taken_back = Counter(each[:2] for each in old - new if self._catalog.is_revision(each[2]))
        said, explained = list[str](), old != new
        for each in inputs:
            place = (each.port, each.role)
            if (*place, each.id) in old:
                continue
            if each.revised:
                said.append(f"{each.step} revised by hand")
            elif taken_back[place] > 0:
                taken_back[place] -= 1
                said.append(f"revision of {each.step} taken back")
            else:
                explained &= each.id in self._all_that_follows()
        return ", ".join(dict.fromkeys(said)), explained

    def _all_that_follows(self) -> set[str]:
        """Ids of what was made, or is to be made, from what persons made."""
        if self._follows is None:
            self._follows = set(self._catalog.made_by_hand())
        return self._follows

    def follow(self, task: Task) -> Task:
        """A task that is done again for that reason: what takes its results is, too."""
        outputs = (output for output, port in task.step.outputs.items() if not port.many)
        self._all_that_follows().update(self._id_key.artifact(task.key, output) for output in outputs)
        return task._replace(by_hand=True)


class Revised:
    """The revisions that count in a job: where they stand in the place of results.

    Args:
        revisions: all of the job.
    """

    def __init__(self, revisions: Iterable[Revision] = ()) -> None:
        counting = [each for each in revisions if each.counts]
        self._made = {(each.step, each.unit, each.output): each.artifact for each in counting if not each.item}
        self._items = {each.machine: each.artifact for each in counting if each.item}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._made or self._items)

    def of(self, step: str, unit: str, output: str) -> str:
        """What stands in the place of an output of a task; empty where the machine's does."""
        return self._made.get((step, unit, output), "")

    def of_item(self, item: str) -> str:
        """What stands in the place of an item of a list; empty where the machine's does."""
        return self._items.get(item, "")

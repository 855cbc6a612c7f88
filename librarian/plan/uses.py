"""When what is kept until it is used has been used: once every task of the job that takes it is done.

A step whose results other steps of the same walk through the families take is through with each family; one that the
whole job gathers from, once that is done. What is used by nothing stays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from librarian.job import Family, Step, is_whole
from librarian.manifest.catalog import Catalog
from librarian.plan.shape import Shape
from librarian.plan.weave import Weave

_Point = tuple[int, bool]
"""A stage, and in it: after each family, or after what belongs to the whole job."""


class Uses:
    """What of a run has been used.

    Args:
        shape: how the steps that are run hang together.
        steps: all steps of the job, also those that are not run: what one of these takes is not done with.
        catalog: what was made so far.
    """

    def __init__(self, shape: Shape, steps: Sequence[Step], catalog: Catalog) -> None:
        self._job_name, self._catalog = shape.job.name, catalog
        takers: dict[str, set[str]] = defaultdict(set)
        for step in steps:
            for source in (each for sources in step.inputs.values() for each in sources):
                takers[source.step].add(step.id)
        self._last: dict[str, _Point] = {
            step.id: max((shape.by_id[each].stage, is_whole(shape.by_id[each].level)) for each in takers[step.id])
            for step in shape.steps
            if step.until_used and takers[step.id] and takers[step.id] <= shape.by_id.keys()
        }
        self._open: Counter[str] = Counter()
        self._shared: set[str] = set()
        self._used: set[str] = set()
        self._unused: set[str] = set()
        self._waiting: dict[str, dict[str, None]] = defaultdict(dict)

    def admit(self, family: Family) -> None:
        """Take in that a family is worked through: what is made of its recordings may be taken there."""
        if self._last:
            own = {each.id for each in family.recordings}
            self._shared |= own & self._open.keys()
            self._open.update(own)

    def through(self, weave: Weave, stage: int) -> list[str]:
        """What has been used now that a family, or what belongs to the whole job in a stage, is through.

        Returns:
            Task keys of results that are there and are needed no more.
        """
        if not self._last:
            return []
        for node, result in weave.decided():
            for given in node.inputs:
                if given.step in self._last:
                    (self._used if result.good else self._unused).add(given.id)
        keys = self._of_family(weave, weave.family, stage) if weave.family else self._of_whole(stage)
        return [key for key in dict.fromkeys(keys) if self._is_used(key)]

    def _of_family(self, weave: Weave, family: Family, stage: int) -> Iterator[str]:
        own = {each.id for each in family.recordings}
        self._open = self._open - Counter(own)
        for node, result in weave.decided():
            last, of = self._last.get(node.step.id), node.unit.recording.id if node.unit.recording else ""
            if not last or not result.good or (result.dropped and of not in self._shared):
                continue
            if last[1]:
                self._waiting[node.step.id][result.key] = None
            elif last == (stage, False) and of not in self._open:  # by no family that is through later
                yield result.key

    def _of_whole(self, stage: int) -> Iterator[str]:
        for step, last in self._last.items():
            if last == (stage, True):
                yield from self._waiting.pop(step, {})

    def _is_used(self, key: str) -> bool:
        made = self._catalog.made(key)
        if made is None or made.dropped:
            return False
        holders = (each for each in self._catalog.ended(key=key) if each.good)
        if not all(each.job_name == self._job_name and each.step in self._last for each in holders):
            return False  # another step or job keeps it
        ids = {artifact.id for artifact in made.artifacts}
        used = bool(ids & self._used) and not ids & self._unused
        self._used -= ids if used else set()
        return used

"""What is current, artifact by artifact, with the recording or group that each belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from librarian.manifest.catalog import Catalog
from librarian.manifest.holdings import CurrentArtifact

_ITEM = "art_"


@dataclass(frozen=True, slots=True)
class Result:
    """A current artifact, and what it is called by.

    Attributes:
        made: the artifact, and of which step.
        unit: the recording, group or whole job that it belongs to.
        items: its numbers in lists, from the outermost on.
        several: whether its step has more than one output.
    """

    made: CurrentArtifact
    unit: str
    items: tuple[int, ...]
    several: bool


def results(catalog: Catalog, jobs: Collection[str] = (), steps: Collection[str] = ()) -> list[Result]:
    """Every current artifact.

    Args:
        catalog: the index, caught up.
        jobs: names of jobs; none for all.
        steps: steps, or `step.output`; none for all.
    """
    found = catalog.current_artifacts()
    outputs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in found:
        outputs[each.job_name, each.step].add(each.output)
    units = Units(catalog)
    return [
        Result(each, *units(each.unit, each.item), len(outputs[each.job_name, each.step]) > 1)
        for each in found
        if _is_wanted(each, jobs, steps)
    ]


def _is_wanted(each: CurrentArtifact, jobs: Collection[str], steps: Collection[str]) -> bool:
    return (not jobs or each.job_name in jobs) and (
        not steps or each.step in steps or f"{each.step}.{each.output}" in steps
    )


class Units:
    """Items → the recording, group or whole job that they are items of, and their numbers."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, tuple[str, tuple[int, ...]]] = {}

    def __call__(self, unit: str, item: int | None) -> tuple[str, tuple[int, ...]]:
        """Of an artifact that was made for a unit, as that item of a list, if of any."""
        above, numbers = (unit, ()) if not unit.startswith(_ITEM) else self._above(unit)
        return above, numbers if item is None else (*numbers, item)

    def _above(self, unit: str) -> tuple[str, tuple[int, ...]]:
        if unit not in self._known:
            maker, item = self._catalog.maker_of(unit)
            self._known[unit] = self(maker, item)
        return self._known[unit]


class Members:
    """The recordings that groups and whole jobs come from. Read from the index when the first is asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._inputs: Mapping[str, Iterable[str]] | None = None

    def of(self, key: str) -> list[str]:
        """The recordings that a task's inputs come from, in the order of their ids."""
        if self._inputs is None:
            self._inputs = self._catalog.inputs()
        return sorted(set(self._recordings(key, set())))

    def _recordings(self, key: str, seen: set[str]) -> Iterator[str]:
        for each in (self._inputs or {}).get(key, ()):
            if not each.startswith(_ITEM):
                yield each
            elif each not in seen:
                seen.add(each)
                yield from self._recordings(self._catalog.key_of(each), seen)

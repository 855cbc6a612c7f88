"""Sightings and their families in little room: a run holds all of them from its beginning to its end.

What is kept of a file is its path, its stat as five numbers, and what its name says only where it says anything: a
third of what the same sightings take as objects, which are made anew whenever they are asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from librarian.job import Sighting

_Said = tuple[str, str, str, bool, int, str, str]
_NOTHING: _Said = ("", "", "", False, 0, "", "")
_PLACES, _TIMES = 3, 2
"""Size, device and inode have no sign; times have."""


class Sightings(Sequence[Sighting]):
    """Sightings that can be added to, and neither changed nor taken out."""

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._paths: list[str] = []
        self._places, self._times = array("Q"), array("q")
        self._said: dict[int, _Said] = {}

    def append(self, each: Sighting) -> None:
        """Add one."""
        said = (each.group, each.role, each.label, each.public, each.row, each.table, each.reason)
        if said != _NOTHING:
            self._said[len(self._paths)] = said
        self._entries.append(each.entry)
        self._paths.append(each.path)
        self._places.extend((each.size, each.device, each.inode))
        self._times.extend((each.mtime_ns, each.ctime_ns))

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Sighting: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sighting]: ...
    def __getitem__(self, index: int | slice) -> Sighting | Sequence[Sighting]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        size, device, inode = self._places[at * _PLACES : (at + 1) * _PLACES]
        mtime, ctime = self._times[at * _TIMES : (at + 1) * _TIMES]
        place = self._entries[at], self._paths[at], size, device, inode, mtime, ctime
        return Sighting(*place, *self._said.get(at, _NOTHING))

    def __iter__(self) -> Iterator[Sighting]:
        return map(self.__getitem__, range(len(self)))


class Families(Sequence[tuple[Sighting, ...]]):
    """Sightings that are worked on together.

    Args:
        sightings: all of them.
        members: of each family, the numbers of its sightings.
    """

    def __init__(self, sightings: Sequence[Sighting], members: Iterable[Sequence[int]]) -> None:
        self._sightings = sightings
        self._members, self._ends = array("L"), array("L", [0])
        for each in members:
            self._members.extend(each)
            self._ends.append(len(self._members))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> tuple[Sighting, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Sighting, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Sighting, ...] | Sequence[tuple[Sighting, ...]]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return tuple(self._sightings[each] for each in self._members[self._ends[at] : self._ends[at + 1]])

    def __iter__(self) -> Iterator[tuple[Sighting, ...]]:
        return map(self.__getitem__, range(len(self)))

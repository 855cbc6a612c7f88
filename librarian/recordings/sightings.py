"""Sightings and their families in little room: a run holds all of them from its beginning to its end.

What is kept of a file is the bytes of its path, its stat as five numbers, and what its name says only where it says
anything: some 70 bytes and the path, a third of what the same sightings take as objects. Those are made whenever they
are asked for, which takes longer than to ask for what is kept of all of them.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

from librarian.files import StatKey
from librarian.job import Sighting

_Said = tuple[str, str, str, bool, int, str, str]
_NOTHING: _Said = ("", "", "", False, 0, "", "")
_PLACES, _TIMES = 3, 2
"""Size, device and inode have no sign; times have."""


class Paths(Sequence[str]):
    """Paths that can be added to, and neither changed nor taken out: their bytes, and where each ends."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q", [0])

    def append(self, path: str) -> None:
        """Add one."""
        self._bytes += os.fsencode(path)
        self._ends.append(len(self._bytes))

    @property
    def packed(self) -> tuple[bytearray, array[int]]:
        """The bytes of all, and where each ends."""
        return self._bytes, self._ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return os.fsdecode(bytes(self._bytes[self._ends[at] : self._ends[at + 1]]))

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


class Sightings(Sequence[Sighting]):
    """Sightings that can be added to, and neither changed nor taken out.

    Attributes:
        entries: the recordings entry of each.
        paths: the path of each.
    """

    def __init__(self, sightings: Iterable[Sighting] = ()) -> None:
        self.entries: list[str] = []
        self.paths = Paths()
        self._places, self._times = array("Q"), array("q")
        self._said: dict[int, _Said] = {}
        self.extend(sightings)

    def extend(self, sightings: Iterable[Sighting]) -> None:
        """Add some."""
        for each in sightings:
            self.append(each)

    def append(self, each: Sighting) -> None:
        """Add one."""
        said = (each.group, each.role, each.label, each.public, each.row, each.table, each.reason)
        if said != _NOTHING:
            self._said[len(self.paths)] = said
        self.entries.append(each.entry)
        self.paths.append(each.path)
        self._places.extend((each.size, each.device, each.inode))
        self._times.extend((each.mtime_ns, each.ctime_ns))

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(self._places[::_PLACES])

    @property
    def readable(self) -> int:
        """Number of those that can be looked at."""
        return len(self) - sum(bool(said[-1]) for said in self._said.values())

    @property
    def groups(self) -> Mapping[int, tuple[str, str]]:
        """Number → entry and group, of those that are in one."""
        return {number: (self.entries[number], said[0]) for number, said in self._said.items() if said[0]}

    def telling(self) -> Iterator[Sighting]:
        """Those of which more is known than where they lie."""
        return map(self.__getitem__, self._said)

    def changed_within(self, begin: int, end: int) -> list[int]:
        """The numbers of those that changed between two moments (ns since the epoch)."""
        return [number for number, mtime in enumerate(self._times[::_TIMES]) if begin < mtime <= end]

    def stat_keys(self) -> Iterator[StatKey]:
        """The stat of each, as `Sighting.stat_key` gives it."""
        sizes, devices, inodes = (self._places[place::_PLACES] for place in range(_PLACES))
        return zip(devices, inodes, sizes, self._times[::_TIMES], self._times[1::_TIMES], strict=True)

    def digest(self) -> str:
        """What they come down to on this machine: another wherever anything about one of them is another."""
        said = repr((self.entries, self._said))
        found = hashlib.sha256(said.encode(errors="surrogateescape"))
        for column in (*self.paths.packed, self._places, self._times):
            found.update(column)
        return found.hexdigest()

    def __len__(self) -> int:
        return len(self.paths)

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
        place = self.entries[at], self.paths[at], size, device, inode, mtime, ctime
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

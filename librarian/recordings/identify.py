"""Sightings → recordings: hashed ahead of the tasks, each content handed out once."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from librarian.files import hash_file
from librarian.job import Family, Recording, Sighting
from librarian.keys import IdKey
from librarian.privacy.vault import Seen, Vault
from librarian.recordings.scan import Scan, reason_of

HASH_THREADS = 2
LOOK_AHEAD = 64
LOOKED_UP_AT_ONCE = 32
FORGOTTEN = "it was forgotten"
SMALL = 1 << 16
"""Files up to this size (bytes) are hashed many at a time: handing one over costs as much as hashing it."""
NEAR = 2e-4
"""Where a small file takes no longer than this (s), it is hashed at once: to share the interpreter takes longer."""

Hashed = tuple[int, str] | OSError
"""Size and sha256, or why there are none."""


@dataclass(frozen=True, slots=True)
class _Hashing:
    """A file's digest while it is made, with those of others."""

    made: Future[list[Hashed]]
    place: int

    def is_made(self, wait: float) -> bool:
        try:
            self.made.exception(timeout=wait)
        except TimeoutError:
            return False
        return True

    def result(self) -> tuple[int, str]:
        found = self.made.result()[self.place]
        if isinstance(found, OSError):
            raise found
        return found


@dataclass
class _Coming:
    """A family under way: its files, and the digest of each, known or being made."""

    sightings: tuple[Sighting, ...]
    began_ns: list[int]
    known: list[Seen | _Hashing | None]


class Identifier:
    """Sightings → recordings, in their families: hashed ahead, each content once.

    Args:
        found: what the scan found.
        vault: knows files that have not changed; is told of the others.
        id_key: makes the ids.
        job: the job that looks.
        forgotten: ids of recordings and groups of which nothing is noted again.
    """

    def __init__(
        self, found: Scan, vault: Vault, id_key: IdKey, job: str, forgotten: Container[str] = frozenset()
    ) -> None:
        self._vault, self._id_key, self._job, self._forgotten = vault, id_key, job, forgotten
        self._entries = found.entries
        self._coming = _looked_up(found.families, vault)
        self._ahead: deque[_Coming] = deque()
        self._files_ahead = 0
        self._handed = _Handed(found.roles, id_key)
        self._closed = threading.Event()
        self._are_near = True
        self._threads = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="hash")
        self._fill()

    def _fill(self) -> None:
        while self._files_ahead < LOOK_AHEAD:
            families = next(self._coming, None)
            if families is None:
                return
            began, unknown = time.time_ns(), deque(self._hashings(families))
            for sightings, known in families:
                self._files_ahead += len(sightings)
                hashed = [
                    unknown.popleft() if _is_to_hash(*each) else each[1] for each in zip(sightings, known, strict=True)
                ]
                self._ahead.append(_Coming(sightings, [began] * len(sightings), hashed))

    def _hashings(self, families: Iterable[tuple[tuple[Sighting, ...], list[Seen | None]]]) -> Iterator[_Hashing]:
        """Have the files hashed that are not known, small ones many at a time, in their order."""
        files = [each for family in families for each in zip(*family, strict=True)]
        for small, some in itertools.groupby(
            (sighting for sighting, seen in files if _is_to_hash(sighting, seen)), lambda each: each.size <= SMALL
        ):
            paths = [sighting.path for sighting in some]
            for together in [paths] if small else [[path] for path in paths]:
                if small and self._are_near:
                    made = self._hashed_here(together)
                else:
                    made = self._threads.submit(_hash_all, together, self._closed.is_set)
                yield from (_Hashing(made, place) for place in range(len(together)))

    def _hashed_here(self, paths: Sequence[str]) -> Future[list[Hashed]]:
        """Small files hashed without a thread; where that takes long, as on a network, the next are left to one."""
        made, began = Future[list[Hashed]](), time.perf_counter()
        made.set_result(_hash_all(paths, self._closed.is_set))
        self._are_near = time.perf_counter() - began <= NEAR * len(paths)
        return made

    @property
    def exhausted(self) -> bool:
        """Whether every recording was given out."""
        return not self._ahead

    @property
    def units(self) -> set[str]:
        """The ids of all recordings and groups that were given out so far."""
        return self._handed.units

    def next_ready(self, *, wait: float = 0.0) -> Family | None:
        """The next family that was not given out yet; None where it is not hashed yet, or all are given.

        Args:
            wait: how long to wait for a hash (s).
        """
        while self._ahead:
            coming = self._ahead[0]
            if not all(known.is_made(wait) for known in coming.known if isinstance(known, _Hashing)):
                return None
            self._ahead.popleft()
            self._files_ahead -= len(coming.sightings)
            self._fill()
            found = [
                self._identify(*each) for each in zip(coming.sightings, coming.began_ns, coming.known, strict=True)
            ]
            if family := self._handed.family(found):
                self._note_names(family)
                return family
        return None

    def _identify(self, sighting: Sighting, began_ns: int, known: Seen | _Hashing | None) -> Recording:
        entries = self._entries(sighting)
        if known is None or sighting.reason:
            return self._cannot_read(sighting, sighting.reason)
        if isinstance(known, Seen):
            return Recording(known.recording, sighting, entries, known.sha256)
        try:
            size, sha256 = known.result()
        except OSError as error:
            return self._cannot_read(sighting, reason_of(error))
        if size != sighting.size:
            return self._cannot_read(sighting, "changed while it was read")
        seen = Seen(self._id_key.recording(sha256), sha256)
        if seen.recording in self._forgotten:
            return Recording(seen.recording, sighting, entries, "", FORGOTTEN)
        self._vault.sight(sighting.path, sighting.stat_key, seen, hashed_at_ns=began_ns, job=self._job)
        return Recording(seen.recording, sighting, entries, sha256)

    def _cannot_read(self, sighting: Sighting, reason: str) -> Recording:
        made = self._id_key.unreadable(os.fsencode(sighting.path))
        return Recording(made, sighting, self._entries(sighting), "", reason)

    def _note_names(self, family: Family) -> None:
        for recording in family.recordings:
            if recording.sighting.label and recording.id not in self._forgotten:
                self._vault.note_label(recording.id, recording.sighting.label, public=recording.sighting.public)
        if family.group in self._forgotten:
            return
        if family.group and family.label:
            self._vault.note_label(family.group, family.label, public=family.recordings[0].sighting.public)
        elif family.group:
            self._vault.note_label(family.group, family.recordings[0].sighting.group, public=False)

    def close(self) -> None:
        """Stop hashing, in the middle of a file too."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Handed:
    """Which recordings were handed out, and under which entries."""

    def __init__(self, roles: Mapping[str, Sequence[str]], id_key: IdKey) -> None:
        self._roles, self._id_key = roles, id_key
        self._entries: dict[str, frozenset[str]] = {}
        self._groups: set[str] = set()

    @property
    def units(self) -> set[str]:
        """The ids of recordings and groups."""
        return self._groups.union(self._entries)

    def family(self, found: Sequence[Recording]) -> Family | None:
        """The family of these recordings; None where it is one by itself that was handed out as it is."""
        first = found[0].sighting
        if not first.group and found[0].id and found[0].entries <= self._entries.get(found[0].id, frozenset()):
            return None
        recordings = tuple(self._hand(recording) for recording in found)
        if not first.group:
            return Family(recordings, label=first.label)
        labels = {recording.sighting.label for recording in recordings}
        roles = self._roles[first.entry]
        found_roles = [recording.sighting.role for recording in recordings]
        group = self._id_key.group(first.entry, first.group)
        self._groups.add(group)
        return Family(
            recordings,
            roles=tuple((roles.index(role) if role else 0, role) for role in found_roles),
            group=group,
            entry=first.entry,
            missing=tuple(role for role in roles if role not in found_roles),
            label=labels.pop() if len(labels) == 1 else "",
        )

    def _hand(self, recording: Recording) -> Recording:
        if not recording.id:
            return recording
        earlier = self._entries.get(recording.id)
        if earlier is None:
            self._entries[recording.id] = recording.entries  # the same one for nearly all
            return recording
        self._entries[recording.id] = entries = earlier | recording.entries
        return recording._replace(entries=entries, earlier=earlier)


def _is_to_hash(sighting: Sighting, seen: Seen | None) -> bool:
    return not sighting.reason and (seen is None or seen.racy)


def _hash_all(paths: Iterable[str], stopped: Callable[[], bool]) -> list[Hashed]:
    return [_hash(path, stopped) for path in paths]


def _hash(path: str, stopped: Callable[[], bool]) -> Hashed:
    try:
        return hash_file(path, stopped)
    except OSError as error:
        return error


def known_families(found: Scan, vault: Vault, id_key: IdKey) -> Iterator[Family]:
    """Families as far as they are known: recordings that are not have neither digest nor id.

    No file is read but those that changed just before they were hashed.
    """
    handed = _Handed(found.roles, id_key)
    for sightings, known in itertools.chain.from_iterable(_looked_up(found.families, vault)):
        recordings = [_known(each, found.entries(each), seen) for each, seen in zip(sightings, known, strict=True)]
        if family := handed.family(recordings):
            yield family


def _looked_up(
    families: Iterable[tuple[Sighting, ...]], vault: Vault
) -> Iterator[list[tuple[tuple[Sighting, ...], list[Seen | None]]]]:
    """Families with what the vault knows of each file, some at a time: one question costs as much as fifty."""
    coming = iter(families)
    while some := list(itertools.islice(coming, LOOKED_UP_AT_ONCE)):
        known = iter(vault.seen_all([(each.path, each.stat_key) for family in some for each in family]))
        yield [(family, list(itertools.islice(known, len(family)))) for family in some]


def _known(sighting: Sighting, entries: frozenset[str], seen: Seen | None) -> Recording:
    if sighting.reason:
        seen = None
    if seen is None or (seen.racy and not _still(seen, sighting)):
        return Recording("", sighting, entries, reason=sighting.reason)
    return Recording(seen.recording, sighting, entries, seen.sha256)


def _still(seen: Seen, sighting: Sighting) -> bool:
    try:
        return hash_file(sighting.path)[1] == seen.sha256
    except OSError:
        return False

"""Patterns → sightings, in families: names and stats, no content."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from librarian.errors import UsageError
from librarian.job import GROUP, RECORDING, Job, RecordingsEntry, Sighting, is_under
from librarian.patterns import all_of, in_order, not_taken, taken_by
from librarian.recordings.names import NameReader
from librarian.recordings.sightings import Families, Sightings

_LABEL = re.compile(r"\w[\w .+:#-]{0,63}")
LARGE = 16 << 30
"""Bytes that are read in a time that nobody minds."""
FULL = 100
_BLOCK = 512
"""Of `st_blocks`, whatever the file system's own are."""
Place = tuple[str | int, ...]


@dataclass
class Scan:
    """What the patterns found.

    Attributes:
        sightings: every file, in the order of the job file and of names.
        families: those that are worked on together: the files of a group, or one file.
        not_taken: ending → files beside those found that no pattern took.
        ungrouped: entry → files that fit none of its groups.
        incomplete: (entry, role) → groups that have no such file.
        unlisted: entry → rows of its list that fit no file, files that no row fits.
        roles: entry → its roles, in their order.
        shared: path → entries, of files that several entries take.
    """

    sightings: Sightings = field(default_factory=Sightings)
    families: Sequence[tuple[Sighting, ...]] = ()
    not_taken: Counter[str] = field(default_factory=Counter)
    ungrouped: Counter[str] = field(default_factory=Counter)
    incomplete: Counter[tuple[str, str]] = field(default_factory=Counter)
    unlisted: dict[str, tuple[int, int]] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shared: dict[str, frozenset[str]] = field(default_factory=dict)

    def lacking(self, families: Iterable[tuple[Sighting, ...]]) -> Counter[tuple[str, str]]:
        """(entry, role) → those of some families that are groups without such a file."""
        if not any(self.roles.values()):
            return Counter()
        groups = [(family[0].entry, {each.role for each in family}) for family in families if family[0].group]
        return Counter((entry, role) for entry, found in groups for role in self.roles[entry] if role not in found)

    def part(self, families: Sequence[tuple[Sighting, ...]]) -> Scan:
        """Of all that was found, some families only."""
        paths = {sighting.path for family in families for sighting in family}
        sightings = Sightings(sighting for sighting in self.sightings if sighting.path in paths)
        return replace(self, families=families, sightings=sightings, incomplete=self.lacking(families))

    def entries(self, sighting: Sighting) -> frozenset[str]:
        """The recordings entries that take a file."""
        return self.shared.get(sighting.path) or alone(sighting.entry)

    @property
    def files(self) -> int:
        """Number of files that can be looked at, each as often as entries take it."""
        return self.sightings.readable

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return self.sightings.bytes

    @property
    def raw(self) -> str:
        """One word for what the file system said: all else follows from it and the job."""
        return all_of(zip(self.sightings.paths, self.sightings.stat_keys(), strict=True), self.not_taken)

    @property
    def paths(self) -> Sequence[str]:
        """Where everything lies."""
        return self.sightings.paths


class PatternError(UsageError):
    """Patterns that match nothing or cannot be read: (place in the job file, what is wrong) of each."""

    def __init__(self, problems: Sequence[tuple[Place, str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


def scan(job: Job) -> Scan:
    """Look for the job's recordings.

    Raises:
        PatternError: a pattern matches nothing, or cannot be read; a role is twice in a group; a row fits two files,
            or two rows name one.
    """
    sightings = Sightings()
    found = Scan(sightings, roles={entry.id: tuple((entry.roles or {}).values()) for entry in job.file.recordings})
    problems: list[tuple[Place, str]] = []
    for index, entry in enumerate(job.file.recordings):
        reader = NameReader(entry, job.folder, job.tables.get(entry.id))
        sightings.extend(_looked_at(entry.id, _paths(entry, job.folder, index, problems), reader))
        problems += [(("recordings", index, "list"), wrong) for wrong in reader.wrong_rows()]
        if reader.table:
            found.unlisted[entry.id] = reader.unmatched()
    if problems:
        raise PatternError(problems)
    _check_labels(job, found)
    found.shared = _shared(found.sightings) if len(job.file.recordings) > 1 else {}
    told = _told(found)
    found.families = Families(told, _families(told, found.shared))
    _check_groups(job, found)
    found.not_taken = not_taken(found.sightings.paths)
    return found


def _paths(entry: RecordingsEntry, folder: Path, index: int, problems: list[tuple[Place, str]]) -> dict[str, str]:
    """What the entry's patterns take, and why those cannot be read of which that is known."""
    paths: dict[str, str] = {}
    for number, pattern in enumerate(entry.patterns):
        which = () if isinstance(entry.path, str) else (number,)
        try:
            found = taken_by(pattern, folder)
        except ValueError:
            problems.append((("recordings", index, "path", *which), "the pattern cannot be read; check its braces"))
            continue
        if not found:
            problems.append((("recordings", index, "path", *which), "matches no file"))
        paths = {**paths, **found} if paths else found
    return paths


def _looked_at(entry: str, paths: Mapping[str, str], read_name: NameReader) -> Iterator[Sighting]:
    for path in in_order(paths):
        yield _look_at(entry, path, paths[path], read_name)


def _look_at(entry: str, path: str, reason: str, read_name: NameReader) -> Sighting:
    said = read_name(path)
    if reason:
        return Sighting(entry, path, 0, 0, 0, 0, 0, reason=reason, **said)
    try:
        status = os.stat(path)
    except OSError as error:
        return Sighting(entry, path, 0, 0, 0, 0, 0, reason=reason_of(error), **said)
    if not stat.S_ISREG(status.st_mode):
        return Sighting(entry, path, 0, 0, 0, 0, 0, reason="not a regular file", **said)
    reason = "nearly all of it is a hole: it was never written" if _is_hollow(status) else ""
    return Sighting(entry, path, *_size_and_stat(status), reason=reason, **said)


def _is_hollow(status: os.stat_result) -> bool:
    """Whether a large file takes next to no room; where the file system does not count its blocks nobody can tell."""
    return status.st_size >= LARGE and 0 < status.st_blocks * _BLOCK < status.st_size / FULL


def _size_and_stat(status: os.stat_result) -> tuple[int, int, int, int, int]:
    return status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def reason_of(error: OSError) -> str:
    """What the system says of it."""
    return error.strerror or str(error)


def _told(found: Scan) -> Sightings:
    """The sightings, each with what any entry that takes its file says of it: a label, a row of its list."""
    if not found.shared:
        return found.sightings
    labels: dict[str, Sighting] = {}
    rows: dict[str, Sighting] = {}
    for each in found.sightings.telling():
        path = each.path
        if path in found.shared and each.label:
            labels.setdefault(path, each)
        if path in found.shared and each.row:
            rows.setdefault(path, each)
    return Sightings(_with(each, labels.get(each.path), rows.get(each.path)) for each in found.sightings)


def _with(sighting: Sighting, label: Sighting | None, row: Sighting | None) -> Sighting:
    if label and not sighting.label:
        sighting = sighting._replace(label=label.label, public=label.public)
    return sighting._replace(row=row.row, table=row.table) if row and not sighting.row else sighting


def _families(sightings: Sightings, shared: Container[str]) -> Iterator[Sequence[int]]:
    """The numbers of the files that are worked on together, in the order of the first of each."""
    grouped = sightings.groups
    groups: dict[tuple[str, str], list[int]] = {}
    for number, group in grouped.items():
        groups.setdefault(group, []).append(number)
    given = {sightings.paths[number] for number in grouped}
    for number, path in enumerate(sightings.paths):
        if number in grouped:
            if members := groups.pop(grouped[number], None):
                yield members
        elif path not in given:
            if path in shared:
                given.add(path)  # once, in however many entries
            yield (number,)


def _check_labels(job: Job, found: Scan) -> None:
    wrong = Counter(
        each.entry for each in found.sightings.telling() if each.public and not _LABEL.fullmatch(each.label)
    )
    problems: list[tuple[Place, str]] = [
        (
            ("recordings", index, "label" if entry.label else "list"),
            f"{wrong[entry.id]} labels have more than 64 characters, or others than letters, digits and . + : # _ -",
        )
        for index, entry in enumerate(job.file.recordings)
        if wrong[entry.id]
    ]
    if problems:
        raise PatternError(problems)


def _check_groups(job: Job, found: Scan) -> None:
    found.incomplete = found.lacking(found.families)
    twice: dict[str, Counter[str]] = {}
    entries = {entry.id: entry for entry in job.file.recordings if entry.group is not None}
    for family in found.families if entries else ():
        entry = entries.get(family[0].entry)
        if entry is None or not family[0].group:
            continue
        roles = Counter(sighting.role for sighting in family)
        for role in found.roles[entry.id]:
            if roles[role] > 1:
                twice.setdefault(entry.id, Counter())[role] += 1
    grouped = found.sightings.groups
    found.ungrouped = Counter(
        entry for number, entry in enumerate(found.sightings.entries) if entry in entries and number not in grouped
    )
    places: dict[str, Place] = {
        entry.id: ("recordings", index, "group") for index, entry in enumerate(job.file.recordings)
    }
    problems = [
        (places[entry], f"{groups} groups have the role {role} twice; make the pattern tell these files apart")
        for entry, roles in twice.items()
        for role, groups in roles.items()
    ]
    problems += _at_odds(job, found.families)
    if problems:
        raise PatternError(problems)


def _at_odds(job: Job, families: Sequence[tuple[Sighting, ...]]) -> Iterator[tuple[Place, str]]:
    """Steps of groups whose files a list gives different settings: none of them could be the group's."""
    steps = [step for step in job.steps if step.level[:1] == GROUP and not is_under(step.level, RECORDING)]
    places: dict[str, Place] = {
        entry.id: ("recordings", index, "list") for index, entry in enumerate(job.file.recordings)
    }
    groups = [family for family in families if family[0].group and family[0].entry in job.tables] if steps else []
    for step in steps if groups else ():
        differ: Counter[str] = Counter()
        for family in groups:
            own = [made.public for each in family if (made := job.step_for(step, each)) is not step]
            differ[family[0].entry] += any(each != own[0] for each in own)
        for entry, number in differ.items():
            if number:
                where = f"in {number:,} group{'s' * (number > 1)}"
                wrong = f"{where} files have different settings for {step.id}; all files of a group need the same"
                yield places[entry], wrong


def _shared(sightings: Sequence[Sighting]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for sighting in sightings:
        path = sighting.path
        found[path] = found.get(path, frozenset()) | {sighting.entry}
    return {path: entries for path, entries in found.items() if len(entries) > 1}


@functools.cache
def alone(entry: str) -> frozenset[str]:
    """An entry by itself, always the same object."""
    return frozenset({entry})

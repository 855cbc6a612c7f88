"""The owner's files: patterns → sightings → recordings. Read only, never renamed.

`scan` is complete before anything runs: names and stats, no content. `Identifier` then hashes ahead of the tasks,
in threads, and hands out each recording once, however often its bytes lie around
(again only where it turns up in another entry of the job file).
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from wcmatch import glob

from librarian.errors import UsageError
from librarian.files import hash_file
from librarian.job import Job, Recording, Sighting
from librarian.keys import IdKey
from librarian.privacy.vault import Seen, Vault

_FLAGS = glob.BRACE | glob.GLOBSTAR | glob.IGNORECASE | glob.NODIR
_PATTERN_LIMIT = 1000
_KNOWN_ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        "3gp aac aif aiff amr ape au avi caf csv cue doc docx dss flac gif jpeg jpg json log lrc m3u m4a m4b md mka "
        "mkv mov mp2 mp3 mp4 mpg nfo oga ogg opus pdf png ra rf64 rtf rttm srt svg textgrid tif tiff toml tsv txt vtt "
        "7z bz2 gz rar tar w64 wav webm webp wma wmv wv xml yaml yml zip"
    ).split()
)
HASH_THREADS = 2
LOOK_AHEAD = 64


@dataclass
class Scan:
    """What the patterns found.

    Attributes:
        sightings: every file, in the order of the job file and of names.
        unreadable: files that cannot even be looked at, and why.
        not_taken: ending → files beside those found that no pattern took.
        bytes: size of all sightings.
    """

    sightings: list[Sighting] = field(default_factory=list)
    unreadable: list[tuple[Sighting, str]] = field(default_factory=list)
    not_taken: Counter[str] = field(default_factory=Counter)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(sighting.size for sighting in self.sightings)

    def paths(self) -> Iterator[Path]:
        """Where everything lies."""
        yield from (sighting.path for sighting in self.sightings)
        yield from (sighting.path for sighting, _ in self.unreadable)


class PatternError(UsageError):
    """Patterns that match nothing or cannot be read: (place in the job file, what is wrong) of each."""

    def __init__(self, problems: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


def scan(job: Job) -> Scan:
    """Look for the job's recordings.

    Raises:
        PatternError: a pattern matches nothing, or cannot be read.
    """
    found = Scan()
    taken: set[Path] = set()
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for index, entry in enumerate(job.file.recordings):
        paths: set[Path] = set()
        for number, pattern in enumerate(entry.patterns):
            matches = _matches(pattern, job.folder)
            if not matches:
                which = () if isinstance(entry.path, str) else (number,)
                place = ("recordings", index, "path", *which)
                wrong = "the pattern cannot be read; check its braces" if matches is None else "matches no file"
                problems.append((place, wrong))
            paths.update(matches or ())
        for path in sorted(paths, key=os.fsencode):
            taken.add(path)
            _look_at(entry.id, path, found)
    if problems:
        raise PatternError(problems)
    found.not_taken = _not_taken(taken)
    return found


def _matches(pattern: str, folder: Path) -> set[Path] | None:
    try:
        matches = glob.glob(pattern, flags=_FLAGS, root_dir=folder, limit=_PATTERN_LIMIT)
    except Exception:  # wcmatch has private types for what it cannot expand
        return None
    return {Path(os.path.normpath(folder / match)) for match in matches}


def _look_at(entry: str, path: Path, found: Scan) -> None:
    nothing = Sighting(entry, path, 0, 0, 0, 0, 0)
    try:
        status = path.stat()
    except OSError as error:
        found.unreadable.append((nothing, _reason(error)))
        return
    if stat.S_ISREG(status.st_mode):
        found.sightings.append(
            Sighting(
                *(entry, path, status.st_size, status.st_dev, status.st_ino),
                *(status.st_mtime_ns, status.st_ctime_ns),
            )
        )
    else:
        found.unreadable.append((nothing, "not a regular file"))


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _not_taken(taken: set[Path]) -> Counter[str]:
    endings: Counter[str] = Counter()
    for folder in {path.parent for path in taken}:
        with contextlib.suppress(OSError), os.scandir(folder) as listing:
            for each in listing:
                plain = each.is_file(follow_symlinks=False) and not each.name.startswith(".")
                if plain and folder / each.name not in taken:
                    endings[_ending(each.name)] += 1
    return endings


def _ending(name: str) -> str:
    # What follows the last dot may be the rest of a name ("Call with Dr.Anna"): only endings that are known are said.
    ending = os.path.splitext(name)[1].lower()
    return ending if ending in _KNOWN_ENDINGS else ""


class Identifier:
    """Sightings → recordings: hashed ahead, each content once.

    Args:
        found: what the scan found.
        vault: knows files that have not changed; is told of the others.
        id_key: makes the ids.
        job: the job that looks.
    """

    def __init__(self, found: Scan, vault: Vault, id_key: IdKey, job: str) -> None:
        self._vault, self._id_key, self._job = vault, id_key, job
        self._entries, order = _by_path(found.sightings)
        entries, unreadable = _by_path(sighting for sighting, _ in found.unreadable)
        self._entries |= entries
        reasons = {sighting.path: reason for sighting, reason in found.unreadable}
        self._unreadable = deque((sighting, reasons[sighting.path]) for sighting in unreadable)
        self._coming = iter(order)
        self._ahead: deque[tuple[Sighting, int, Seen | Future[tuple[int, str]]]] = deque()
        self._given: dict[str, frozenset[str]] = {}
        self._closed = threading.Event()
        self._threads = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="hash")
        self._fill()

    def _fill(self) -> None:
        while len(self._ahead) < LOOK_AHEAD and (sighting := next(self._coming, None)):
            known = self._vault.seen(sighting.path, sighting.stat_key)
            trusted = known if known and not known.racy else None
            self._ahead.append((sighting, time.time_ns(), trusted or self._hash(sighting.path)))

    def _hash(self, path: Path) -> Future[tuple[int, str]]:
        return self._threads.submit(hash_file, path, self._closed.is_set)

    @property
    def exhausted(self) -> bool:
        """Whether every recording was given out."""
        return not self._ahead and not self._unreadable

    def next_ready(self, *, wait: float = 0.0) -> Recording | None:
        """The next recording that has not been given out yet; None where it is not hashed yet, or all are given.

        Args:
            wait: how long to wait for a hash (s).
        """
        if self._unreadable:
            return self._cannot_read(*self._unreadable.popleft())
        while self._ahead:
            sighting, began_ns, known = self._ahead[0]
            if isinstance(known, Future) and not _settled(known, wait):
                return None
            self._ahead.popleft()
            self._fill()
            recording = self._identify(sighting, began_ns, known)
            earlier = self._given.get(recording.id, frozenset())
            if not recording.entries <= earlier:
                self._given[recording.id] = earlier | recording.entries
                return replace(recording, entries=earlier | recording.entries, earlier=earlier)
        return None

    def _identify(self, sighting: Sighting, began_ns: int, known: Seen | Future[tuple[int, str]]) -> Recording:
        if isinstance(known, Seen):
            return Recording(known.recording, sighting, self._entries[sighting.path], known.sha256)
        try:
            size, sha256 = known.result()
        except OSError as error:
            return self._cannot_read(sighting, _reason(error))
        if size != sighting.size:
            return self._cannot_read(sighting, "changed while it was read")
        seen = Seen(self._id_key.recording(sha256), sha256)
        self._vault.sight(sighting.path, sighting.stat_key, seen, hashed_at_ns=began_ns, job=self._job)
        return Recording(seen.recording, sighting, self._entries[sighting.path], sha256)

    def _cannot_read(self, sighting: Sighting, reason: str) -> Recording:
        made = self._id_key.unreadable(os.fsencode(sighting.path))
        return Recording(made, sighting, self._entries[sighting.path], "", reason)

    def close(self) -> None:
        """Stop hashing, in the middle of a file too."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _settled(future: Future[tuple[int, str]], wait: float) -> bool:
    try:
        future.exception(timeout=wait)
    except TimeoutError:
        return False
    return True


def _by_path(sightings: Iterable[Sighting]) -> tuple[dict[Path, frozenset[str]], list[Sighting]]:
    entries: dict[Path, frozenset[str]] = {}
    order: list[Sighting] = []
    for sighting in sightings:
        if sighting.path not in entries:
            order.append(sighting)
        entries[sighting.path] = entries.get(sighting.path, frozenset()) | {sighting.entry}
    return entries, order


def known_recordings(found: Scan, vault: Vault) -> Iterator[Recording]:
    """Recordings as far as they are known: those that are not have neither digest nor id.

    No file is read but those that changed just before they were hashed.
    """
    entries, order = _by_path(found.sightings)
    given: dict[str, frozenset[str]] = {}
    for sighting in order:
        seen = vault.seen(sighting.path, sighting.stat_key)
        if seen is None or (seen.racy and not _still(seen, sighting)):
            yield Recording("", sighting, entries[sighting.path])
            continue
        earlier = given.get(seen.recording, frozenset())
        if not entries[sighting.path] <= earlier:
            given[seen.recording] = earlier | entries[sighting.path]
            yield Recording(seen.recording, sighting, given[seen.recording], seen.sha256, earlier=earlier)


def _still(seen: Seen, sighting: Sighting) -> bool:
    try:
        return hash_file(sighting.path)[1] == seen.sha256
    except OSError:
        return False

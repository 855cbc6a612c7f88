"""A manifest on disk: append, chain, seal; and how one that a crash left open is mended.

Only here are manifests written. `append` returns when the lines are durable: that is the commit of what they say.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from librarian.files import naming, private, sync_folder
from librarian.keys import canonical
from librarian.manifest.chain import NO_LINE, link, new_salt, sha256
from librarian.ulid import new_ulid

if TYPE_CHECKING:  # records are heavy, and who appends brings them
    from librarian.manifest.records import Body

_TAIL = 1 << 16
Content = dict[str, Any]
_NAME = re.compile(r"job_[0-7][0-9a-hjkmnp-tv-z]{25}\.jsonl")


def now() -> str:
    """The time as records give it: UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def manifests(folder: Path) -> list[Path]:
    """All manifests, oldest first: a job id is greater than every one before it."""
    return sorted(path for path in folder.glob("job_*.jsonl") if _NAME.fullmatch(path.name))


def new_job_id(folder: Path) -> str:
    """A job id greater than every one there is, also where the clock was set back."""
    existing = manifests(folder)
    return f"job_{new_ulid(existing[-1].stem.removeprefix('job_') if existing else '')}"


@dataclass(frozen=True)
class Entry:
    """A line as read.

    Attributes:
        seq: its number in the manifest.
        prev: what it says of the line before.
        link: what the next line's `prev` must be.
        body: its content as plain data; None where it was emptied or is damaged.
        damaged: whether the line is not what was written: no JSON, or another digest.
        torn: whether the line does not end; only the last one can.
        end: where the next line begins (byte).
    """

    seq: int
    prev: str
    link: str
    body: dict[str, Any] | None
    damaged: bool
    torn: bool
    end: int

    @property
    def type(self) -> str:
        """The body's type; empty where there is none."""
        return str(self.body["type"]) if self.body else ""


def entries(path: Path, start: int = 0, seq: int = 0) -> Iterator[Entry]:
    """The lines of a manifest from byte `start`, where line `seq` begins. Damage is marked, never raised."""
    with open(path, "rb") as file:
        file.seek(start)
        for number, raw in enumerate(file, seq):
            start += len(raw)
            yield _entry(raw, number, start)


def _entry(raw: bytes, seq: int, end: int) -> Entry:
    try:
        line = json.loads(raw)
        prev, digest, body = line["prev"], line["digest"], line["body"]
        text = canonical(body)
        whole = raw == _text(seq, prev, digest, text)
        true = body is None or (sha256(text) == digest and isinstance(body["type"], str))
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = true = False
    if not (whole and true):
        return Entry(seq, "", sha256(raw), None, damaged=True, torn=not raw.endswith(b"\n"), end=end)
    return Entry(seq, prev, link(seq, prev, digest), body, damaged=False, torn=False, end=end)


def _text(seq: int, prev: str, digest: str, body: bytes) -> bytes:
    """A line, from the canonical text of its body: the canonical text of the whole, without making that of it again."""
    rest = f',"digest":"{digest}","prev":"{prev}","seq":{seq}}}\n'
    return b'{"body":' + body + rest.encode(errors="surrogatepass")


def last_entry(path: Path) -> Entry:
    """The last line of a manifest, read from its end where that is possible."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    last = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    try:
        seq = int(json.loads(last)["seq"])
    except (ValueError, KeyError, TypeError, RecursionError):
        seq = -1
    entry = _entry(last, seq, size)
    return deque(entries(path), maxlen=1).pop() if entry.damaged and size else entry


class Written(NamedTuple):
    """A line that was just written.

    Attributes:
        seq: its number in the manifest.
        start: where it begins (byte).
        end: where the next one begins.
        link: what the next line's `prev` is.
        body: its content as plain data.
    """

    seq: int
    start: int
    end: int
    link: str
    body: dict[str, Any]


class _Tail(NamedTuple):
    """How far a manifest goes: its bytes, the number of the next line, what that says of the one before, outcomes."""

    size: int
    seq: int
    prev: str
    outcomes: int


class Journal:
    """The manifest of a job that is running."""

    def __init__(self, path: Path, seq: int, prev: str, outcomes: int) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._durable = self._tail = _Tail(os.fstat(self._handle).st_size, seq, prev, outcomes)

    @classmethod
    def create(cls, folder: Path, job_id: str, first: Body | Content) -> Journal:
        """Begin the manifest of `job_id`, chained to the last one in the folder."""
        existing = manifests(folder)
        prev = last_entry(existing[-1]).link if existing else NO_LINE
        journal = cls(folder / f"{job_id}.jsonl", 0, prev, 0)
        journal.append([first])
        sync_folder(folder)
        return journal

    def append(self, bodies: Sequence[Body | Content]) -> list[Written]:
        """Write lines and make them durable.

        Args:
            bodies: records, or what one of them holds as plain data.

        Raises:
            OSError: they could not be written; none of them counts.
        """
        written = self.write(bodies)
        self.sync()
        return written

    def write(self, bodies: Sequence[Body | Content]) -> list[Written]:
        """Write lines, which count once `sync` has made them durable.

        Raises:
            OSError: they could not be written; nor do others count that were written since the last `sync`.
        """
        text, written = bytearray(), list[Written]()
        size, seq, prev, outcomes = self._tail
        for body in bodies:
            content = body if isinstance(body, dict) else body.model_dump(mode="json")
            body_text = canonical(content)
            digest = sha256(body_text)
            start = size + len(text)
            text += _text(seq, prev, digest, body_text)
            prev = link(seq, prev, digest)
            written.append(Written(seq, start, size + len(text), prev, content))
            seq += 1
            outcomes += content["type"] == "outcome"
        with self._undone():
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self._tail = _Tail(size + len(text), seq, prev, outcomes)
        return written

    def sync(self) -> None:
        """Make durable what was written.

        Raises:
            OSError: the disk failed; what was written since the last time does not count.
        """
        with self._undone():
            os.fsync(self._handle)
        self._durable = self._tail

    @contextlib.contextmanager
    def _undone(self) -> Iterator[None]:
        """Where the disk fails, lines that do not count are taken back."""
        try:
            yield
        except OSError as error:
            self._tail = self._durable
            with contextlib.suppress(OSError):  # a line that is left is cut, or sealed, by the next run
                os.ftruncate(self._handle, self._tail.size)
            raise OSError(error.errno, error.strerror, os.fspath(self.path)) from None

    def seal(self, state: str) -> None:
        """Write the last line and close."""
        content = {"type": "seal", "salt": new_salt(), "state": state, "outcomes": self._tail.outcomes, "ended": now()}
        self.append([content])
        self.close()

    def close(self) -> None:
        """Leave the manifest as it is; where it has no seal, the next run seals it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def is_whole(folder: Path) -> bool:
    """Whether no crash left anything to mend: the last manifest is sealed, or there is none."""
    existing = manifests(folder)
    return not existing or last_entry(existing[-1]).type == "seal"


def recover(folder: Path) -> list[str]:
    """Mend what a crash left: cut a torn last line, seal a manifest that was left open.

    Returns:
        One sentence for each thing that was done.
    """
    return [] if is_whole(folder) else _mend(manifests(folder)[-1])


def reopened(path: Path) -> Journal:
    """The manifest of a job that was cut off, to go on with: a torn last line is cut."""
    last, outcomes, _ = _cut(path)
    assert last is not None  # who goes on with it has read it
    return Journal(path, last.seq + 1, last.link, outcomes)


def empty_bodies(path: Path, seqs: Collection[int]) -> None:
    """Empty the bodies of some lines of a manifest: rewritten aside, made durable, and put in its place.

    Raises:
        OSError: the disk failed; the manifest is as it was.
    """
    aside = path.with_name(path.name + ".new")
    with naming(aside), open(path, "rb") as file, open(aside, "wb", opener=private) as out:
        for number, raw in enumerate(file):
            out.write(_emptied(raw) if number in seqs else raw)
        out.flush()
        os.fsync(out.fileno())
    os.replace(aside, path)
    sync_folder(path.parent)


def _emptied(raw: bytes) -> bytes:
    line = json.loads(raw)
    return _text(line["seq"], line["prev"], line["digest"], b"null")


def _cut(path: Path) -> tuple[Entry | None, int, bool]:
    """Cut a torn last line; the last line then, the number of outcomes, and whether anything was cut."""
    last: Entry | None = None
    outcomes = size = 0
    for entry in entries(path):
        if entry.torn:
            os.truncate(path, size)
            return last, outcomes, True
        last, size = entry, entry.end
        outcomes += entry.type == "outcome"
    return last, outcomes, False


def _mend(path: Path) -> list[str]:
    last, outcomes, torn = _cut(path)
    said = [f"{path.stem}: the last line was torn; it has been cut"] if torn else []
    if last is None:
        path.unlink()
        sync_folder(path.parent)
        return [f"{path.stem}: had no line yet; it has been removed"]
    if last.type != "seal":
        Journal(path, last.seq + 1, last.link, outcomes).seal("interrupted")
        said.append(f"{path.stem}: was interrupted; it has been sealed")
    return said

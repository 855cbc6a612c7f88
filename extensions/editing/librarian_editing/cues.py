"""Lists of where pieces start and end, out of the owner's files: cue sheets and CSV. Needs nothing but their text.

Only the times are taken. What else such a file says (titles, performers, names of files) is not looked at and goes
nowhere.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from librarian.document import read_text

Cue = tuple[float, float | None]
"""Start and end (s); None for an end where the next one starts."""

MOST_BYTES = 1 << 20
MOST_CUES = 10_000
LONGEST = 1e6
"""Seconds: eleven days."""
FRAMES_PER_SECOND = 75
"""Of a cue sheet's times."""
NO_LIST = "name a cue sheet or a CSV file"

_INDEX = re.compile(r"[ \t]*INDEX[ \t]+01[ \t]+(\d{1,5}):([0-5]\d):([0-7]\d)[ \t]*", re.IGNORECASE)
_FILE = re.compile(r"[ \t]*FILE[ \t]", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7}(?:\.\d{1,9})?)")
_SEPARATORS = ",;\t"


def read_cues(value: Any) -> tuple[Cue, ...]:
    """A list of starts and ends, from a file or from such a list.

    Args:
        value: path of a cue sheet or CSV file; empty for none.

    Raises:
        ValueError: it cannot be read, or is no such list.
    """
    if isinstance(value, str):
        return _checked(list(_cues_of(read_text(value, MOST_BYTES)))) if value else ()
    if not isinstance(value, (list, tuple)):
        raise ValueError(NO_LIST)
    return _checked([_pair(each) for each in value]) if value else ()


def _pair(value: Any) -> Cue:
    match value:
        case [int() | float() as start, None]:
            return float(start), None
        case [int() | float() as start, int() | float() as end]:
            return float(start), float(end)
    raise ValueError(NO_LIST)


def _cues_of(text: str) -> Iterator[Cue]:
    lines = text.splitlines()
    found = [match for line in lines if (match := _INDEX.fullmatch(line))]
    if not found:
        yield from _rows(lines)
        return
    if sum(bool(_FILE.match(line)) for line in lines) > 1:
        raise ValueError("the cue sheet is of several files; take one of one file")
    for minutes, seconds, frames in (match.groups() for match in found):
        if int(frames) >= FRAMES_PER_SECOND:
            raise ValueError(f"a time of the cue sheet has more than {FRAMES_PER_SECOND - 1} frames")
        yield 60 * int(minutes) + int(seconds) + int(frames) / FRAMES_PER_SECOND, None


def _rows(lines: Sequence[str]) -> Iterator[Cue]:
    """Starts and ends of a CSV file: of the columns start and end, else of its first two."""
    separator = next((char for char in (lines or [""])[0] if char in _SEPARATORS), ",")  # a label may hold others
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        raise ValueError("is neither a cue sheet nor CSV") from None
    rows = [row for row in rows if any(row)]
    names = [name.lower() for name in rows[0]] if rows else []
    first, last = (names.index("start"), _place(names, "end")) if "start" in names else (0, 1)
    for number, row in enumerate(rows[1:] if "start" in names else rows, 2 if "start" in names else 1):
        end = row[last] if last is not None and last < len(row) else ""
        yield _seconds(row[first] if first < len(row) else "", number), _seconds(end, number) if end else None


def _place(names: Sequence[str], name: str) -> int | None:
    return names.index(name) if name in names else None


def _seconds(text: str, row: int) -> float:
    match = _CLOCK.fullmatch(text)
    if not match:
        raise ValueError(f"row {row} holds no time: write seconds, or h:mm:ss, in the columns start and end")
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + float(match[3])


def _checked(cues: list[Cue]) -> tuple[Cue, ...]:
    """The same.

    Raises:
        ValueError: there are none or too many, they are not in order, or one ends before it starts.
    """
    if not 1 <= len(cues) <= MOST_CUES:
        raise ValueError(f"holds {'no' if not cues else 'too many'} times (1 to {MOST_CUES:,})")
    if any(not 0 <= start <= LONGEST or (end is not None and not start < end <= LONGEST) for start, end in cues):
        raise ValueError("a piece ends before it starts, or lies too far off")
    if any(late[0] <= early[0] for early, late in pairwise(cues)):
        raise ValueError("the starts are not in order, each after the one before")
    return tuple(cues)

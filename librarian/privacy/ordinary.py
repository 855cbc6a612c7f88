"""What only looks like personal data: ids and digests of records, dates, times, versions, sample rates, sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import re2

from librarian.privacy.view import LATIN1, plain

_RECORD_WORD = (
    rb"<[A-Z]+:[a-z2-7]{8}>"
    rb"|\b(?:rec|grp|set|art|src|mch)\x1f[a-z2-7]{13}\b|\b[a-z2-7]{52}\b"
    rb"|\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b|\b[0-7][0-9a-hjkmnp-tv-z]{25}\b"
    rb"|\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b|\b[0-9A-Fa-f]{32,}\b"
)
_CLOCK = (
    rb"\b(?:19|20)\d\d-?[01]\d-?[0-3]\dT[0-2]\d:?[0-5]\d(?::?[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-][0-2]\d:?[0-5]\d)?\b"
    rb"|\b\d{1,3}:[0-5]\d(?::[0-5]\d)?(?:[.,]\d{1,9})?\b"
)
_SHORT_HEX = rb"\b[0-9a-f]*\d[a-f]+\d[0-9a-f]*\b|\b[0-9A-F]*\d[A-F]+\d[0-9A-F]*\b"
_RECORD_WORDS = re2.compile(_RECORD_WORD, LATIN1)
_NO_NUMBER = re2.compile(_RECORD_WORD + b"|" + _CLOCK + b"|" + _SHORT_HEX, LATIN1)

# Python's own patterns from here on, for their look-arounds: of bounded length or a single run, so linear.
_YEAR = rb"(?:19|20)\d\d"
_DAY = _YEAR + rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_TIME = rb"(?:[01]\d|2[0-3])[.\-\x1f]?[0-5]\d[.\-\x1f]?[0-5]\d(?:[.\-]?\d{3}(?![ .\-/]?\d))?"
DATE = (
    rb"(?<!\d)(?:%(day)b(?:[01]\d|2[0-3])[0-5]\d"
    rb"|(?:%(day)b|%(year)b(?P<a>[.\-/ \x1f])[01]?\d(?P=a)[0-3]?\d)(?:[ \-\x1f]?%(time)b)?"
    rb"|[0-3]?\d(?P<b>[.\-/])[0-3]?\d(?P=b)%(year)b)(?!\d)"
) % {b"year": _YEAR, b"day": _DAY, b"time": _TIME}
"""A date, with or without a time; has two groups, `a` and `b`."""
_RATE = rb"8000|11025|12000|16000|22050|24000|32000|44100|48000|88200|96000|176400|192000"
_FLOAT = rb"(?:0|[1-9]\d*)\.\d+"
_ORDINARY = re.compile(rb"(?=\d)(?:" + DATE + rb"|(?<!\d)(?:" + _YEAR + rb"|" + _RATE + rb")(?!\d))")
_VERSION = re.compile(rb"(?:0|[1-9]\d?)\.\d{1,2}\.\d{1,3}(?:[-.]\d{1,4})?|[1-9]\d\d\.\d{1,3}\.\d{1,2}")
_DATED_OR_MEASURED = re.compile(DATE + rb"|" + _FLOAT)
_MEASURED = re.compile(_FLOAT + rb"|" + _RATE)
_MEASURED_OR_SMALL = re.compile(_FLOAT + rb"|" + _RATE + rb"|\d{1,3}")
_SHELF_MARK = re.compile(_YEAR + rb"[.\-/\x1f ]\d{1,3}")
_UNIT = re.compile(rb" ?(?:[kKMGT]?i?B|bytes?|bits?|bps|[kM]?Hz|samples?|frames?|[mun\xe9]s|sec|seconds?)\b|s\b")
_FIELD = re.compile(
    rb"(?i)\b(?:version|driver|seed|size|bytes|frames?|samples?|offset|pid|lines?|length|count|blocks?|chunks?|pages?"
    rb"|steps?|epoch|iterations?|batch|tokens?|rows?|index|position|sectors?|range|total|limit|timeout|inode|errno"
    rb"|memory)[\"']?[ =:]{1,3}\Z"
)
_LONGEST_FIELD = len(b'-iterations" : ')


def record_words(text: str) -> list[tuple[int, int]]:
    """Where pseudonyms, ids, UUIDs and digests stand, in which a known value can only occur by chance."""
    return [match.span() for match in _RECORD_WORDS.finditer(plain(text))]


def undated(text: str) -> str:
    """The text with its dates, times of day, years and sample rates blanked; as long as before."""
    pieces, last = [], 0
    for match in _ORDINARY.finditer(plain(text)):
        start, end = match.span()
        pieces += [text[last:start], " " * (end - start)]
        last = end
    return "".join([*pieces, text[last:]]) if pieces else text


def without_clocks(view: bytes, most: int) -> tuple[bytes, int]:
    """The view with ids, digests and times zeroed, none of which a number reaches across; and how far that was done.

    Args:
        view: a plain view.
        most: of these as many as are zeroed at most.
    """
    cleared = bytearray(view)
    end = 0
    matches = _NO_NUMBER.finditer(view)
    for match in islice(matches, most):
        start, end = match.span()
        cleared[start:end] = bytes(end - start)
    return bytes(cleared), end if next(matches, None) else len(view)


def is_field(view: bytes, start: int) -> bool:
    """Whether the name of a number field is before the number."""
    return bool(_FIELD.search(view[max(0, start - _LONGEST_FIELD) : start]))


def is_quantity(view: bytes, start: int, end: int) -> bool:
    """Whether a run of digits is the value of a number field, or has a unit behind it."""
    return not view.startswith(b"0", start) and (bool(_UNIT.match(view, end)) or is_field(view, start))


def is_dated_or_measured(view: bytes, start: int, end: int) -> bool:
    """Whether a run is a date, or a number with decimals."""
    return bool(_DATED_OR_MEASURED.fullmatch(view, start, end))


def is_version_or_list(run: bytes) -> bool:
    """Whether a run of digits and separators is a version, a year and a number, or a list of numbers with decimals."""
    words = re.split(rb"[ \x1f/-]+", run)
    measured = any(map(_MEASURED.fullmatch, words)) and all(map(_MEASURED_OR_SMALL.fullmatch, words))
    return measured or bool(_VERSION.fullmatch(run) or _SHELF_MARK.fullmatch(run))


def unnamed(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The match, unless the name of a field is before it: `version 1.2.3.4`."""
    if not is_field(view, start):
        yield start, end

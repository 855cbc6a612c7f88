"""Personal data that is known by its shape: mail addresses, numbers, user names in paths.

A recognizer is data. Its patterns are google-re2's (linear time) and read the *plain view* of a text: one
byte per character, so that offsets stay true; digits, dashes and spaces of any script in their ASCII form; `_` as a
separator of its own (0x1F), other letters as 0xE9, all the rest as 0xB7.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import re2


class Span(NamedTuple):
    """A stretch of a text that names someone.

    Args:
        start: index of its first character.
        end: index after its last character.
        type: `PHONE`, `EMAIL` …
        canonical: one form for all spellings of the value; as private as the text itself.
    """

    start: int
    end: int
    type: str
    canonical: str


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; what overlaps becomes one, named after the longest of it (then the first given)."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    if len(ordered) <= 1:
        return ordered
    merged: list[tuple[int, int, Span]] = []
    for span in ordered:
        if merged and span.start < merged[-1][1]:
            start, end, longest = merged[-1]
            wins = span.end - span.start > longest.end - longest.start
            merged[-1] = start, max(end, span.end), span if wins else longest
        else:
            merged.append((span.start, span.end, span))
    return [Span(start, end, span.type, span.canonical) for start, end, span in merged]


class Characters(dict[int, str]):
    """A table for `str.translate`, one character to one, that is filled as characters are met."""

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change

    def __missing__(self, code: int) -> str:
        self[code] = char = self._change(chr(code))
        return char


def _plain_character(char: str) -> str:
    category = unicodedata.category(char)
    narrow = unicodedata.normalize("NFKC", char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if char == "_" or category in {"Cf", "Mn", "Me"}:
        return "\x1f"
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if char.isspace():
        return " "
    if narrow.isascii() and len(narrow) == 1:
        return narrow
    return "\xe9" if char.isalnum() or category == "Mc" else "\xb7"


_PLAIN = Characters(_plain_character)
_LATIN1 = re2.Options()
_LATIN1.encoding = re2.Options.Encoding.LATIN1

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
_RECORD_WORDS = re2.compile(_RECORD_WORD, _LATIN1)
_NO_NUMBER = re2.compile(_RECORD_WORD + b"|" + _CLOCK + b"|" + _SHORT_HEX, _LATIN1)

# Python's own patterns from here on, for their look-arounds: of bounded length or a single run, so linear.
_YEAR = rb"(?:19|20)\d\d"
_DAY = _YEAR + rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_TIME = rb"(?:[01]\d|2[0-3])[.\-\x1f]?[0-5]\d[.\-\x1f]?[0-5]\d(?:[.\-]?\d{3})?"
_DATE = (
    rb"(?<!\d)(?:%(day)b(?:[01]\d|2[0-3])[0-5]\d"
    rb"|(?:%(day)b|%(year)b(?P<a>[.\-/ \x1f])[01]?\d(?P=a)[0-3]?\d)(?:[ \-\x1f]?%(time)b)?"
    rb"|[0-3]?\d(?P<b>[.\-/])[0-3]?\d(?P=b)%(year)b)(?!\d)"
) % {b"year": _YEAR, b"day": _DAY, b"time": _TIME}
_RATE = rb"8000|11025|12000|16000|22050|24000|32000|44100|48000|88200|96000|176400|192000"
_FLOAT = rb"(?:0|[1-9]\d*)\.\d+"
_ORDINARY = re.compile(rb"(?=\d)(?:" + _DATE + rb"|(?<!\d)(?:" + _YEAR + rb"|" + _RATE + rb")(?!\d))")
_VERSION = re.compile(rb"(?:0|[1-9]\d?)\.\d{1,2}\.\d{1,3}(?:[-.]\d{1,4})?|[1-9]\d\d\.\d{1,3}\.\d{1,2}")
_DATED_OR_MEASURED = re.compile(_DATE + rb"|" + _FLOAT)
_MEASURED = re.compile(_FLOAT + rb"|" + _RATE)
_MEASURED_OR_SMALL = re.compile(_FLOAT + rb"|" + _RATE + rb"|\d{1,3}")
_UNIT = re.compile(rb" ?(?:[kKMGT]?i?B|bytes?|bits?|bps|[kM]?Hz|samples?|frames?|[mun\xe9]s|sec|seconds?)\b|s\b")
_FIELD = re.compile(
    rb"(?i)\b(?:version|driver|seed|size|bytes|frames?|samples?|offset|pid|line|length|count)[ =:]{1,3}\Z"
)
_LONGEST_FIELD = len(b"-version : ")

_NO_DIGIT = re.compile(r"\D+")
_GAP = rb"[ .\-/()\x1f]{0,3}"
_BORDER = rb"(?<=\d{10})[ .\-/()\x1f]+(?=\d{7}|\d{1,2}\Z)"
_BORDERS = re.compile(_BORDER)
_DATES_AND_BORDERS = re.compile(_DATE + rb"|" + _BORDER)
_SEPARATORS = b" .-/()+\x1f"
_SHORTEST, _LONGEST = 7, 15
"""Digits of a phone number (ITU-T E.164 allows 15)."""


def _plain(text: str) -> bytes:
    return text.translate(_PLAIN).encode("latin-1")


def record_words(text: str) -> list[tuple[int, int]]:
    """Where pseudonyms, ids, UUIDs and digests stand, in which a known value can only occur by chance."""
    return [match.span() for match in _RECORD_WORDS.finditer(_plain(text))]


def undated(text: str) -> str:
    """The text with its dates, times of day, years and sample rates blanked; as long as before."""
    pieces, last = [], 0
    for match in _ORDINARY.finditer(_plain(text)):
        start, end = match.span()
        pieces += [text[last:start], " " * (end - start)]
        last = end
    return "".join([*pieces, text[last:]]) if pieces else text


def _without_clocks(view: bytes) -> bytes:
    """The view with ids, digests and times zeroed, none of which a number reaches across."""
    cleared = bytearray(view)
    for match in _NO_NUMBER.finditer(view):
        start, end = match.span()
        cleared[start:end] = bytes(end - start)
    return bytes(cleared)


def _is_field(view: bytes, start: int) -> bool:
    """Whether the name of a number field is before the number."""
    return bool(_FIELD.search(view[max(0, start - _LONGEST_FIELD) : start]))


def _is_measured(view: bytes, start: int, end: int) -> bool:
    """Whether a run of digits is a version, a quantity, a size, or a list of such numbers."""
    run = view[start:end]
    if run.isdigit():
        named = not run.startswith(b"0") and (_UNIT.match(view, end) or _is_field(view, start))
        return len(run) > _LONGEST or bool(named)
    words = re.split(rb"[ \x1f/-]+", run)
    measured = any(map(_MEASURED.fullmatch, words)) and all(map(_MEASURED_OR_SMALL.fullmatch, words))
    return measured or bool(_VERSION.fullmatch(run))


def _count(run: bytes) -> int:
    """The digits in a run."""
    return len(run.translate(None, _SEPARATORS))


def _phones(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The phone numbers in a run of digits: what its dates and measured values leave of it."""
    if view.startswith(b"+", start) and _SHORTEST <= end - start - 1 <= _LONGEST and view[start + 1 : end].isdigit():
        yield start, end
        return
    if _DATED_OR_MEASURED.fullmatch(view, start, end):
        return
    certain = view.startswith(b"+", start) and _count(view[start:end]) <= _LONGEST
    cuts = (_BORDERS if certain else _DATES_AND_BORDERS).finditer(view, start, end)
    borders = [start, *(border for cut in cuts for border in cut.span()), end]
    for left, right in zip(borders[::2], borders[1::2], strict=True):
        run = view[left:right].strip(_SEPARATORS)
        if _count(run) < _SHORTEST:
            continue
        first = view.index(run, left)
        if certain or not _is_measured(view, first, first + len(run)):
            yield left if certain else first, first + len(run)


def _unnamed(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The match, unless the name of a field is before it: `version 1.2.3.4`."""
    if not _is_field(view, start):
        yield start, end


def _whole(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    yield start, end


def _digits(hit: str) -> str:
    return _NO_DIGIT.sub("", hit.translate(_PLAIN))


@cache
def _country_codes() -> frozenset[str]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def _phone(hit: str) -> str:
    """The national number without its leading zeros, at most the last ten digits.

    So a number is the same in its national and its international spellings, wherever the owner lives.
    """
    digits = _digits(hit)
    if hit.startswith("+") or digits.startswith("00"):
        digits = digits.lstrip("0")
        size = next((size for size in (1, 2, 3) if digits[:size] in _country_codes()), 0)
        digits = digits[size:]
    return digits.lstrip("0")[-10:] or digits


def _card(hit: str) -> str | None:
    """The digits, where they pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = _digits(hit)
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return digits if (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0 else None


def _address(hit: str) -> str | None:
    """The IP address in its shortest form; None for loopback, and for a slice or a namespace."""
    try:
        address = ipaddress.ip_address(hit if hit.startswith("::") else hit.removeprefix(":"))
    except ValueError:
        return None
    chance = re.fullmatch(r"(?:\w{0,3}:){1,3}\w{0,3}", hit)
    return None if chance or address.is_loopback or address.is_unspecified else str(address)


def _url(hit: str) -> str | None:
    """The URL, where it may hold a login, an account or a query."""
    return hit if re.search("[@?#]", hit) else None


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One type of personal data.

    Args:
        type: the word in its pseudonyms.
        gate: a quick pattern that is found wherever a hit is; all gates are tried at once.
        pattern: what the hit looks like; where it has groups, the one that took part is the hit.
        canonical: a hit (in NFKC) → one form for all its spellings, or None where it is none after all.
        cut: a match → the hits in it.
        clocks: whether the pattern may read ids, digests and times; they are zeroed for it otherwise.
    """

    type: str
    gate: bytes
    pattern: bytes
    canonical: Callable[[str], str | None] = str.casefold
    cut: Callable[[bytes, int, int], Iterable[tuple[int, int]]] = _whole
    clocks: bool = True


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        "EMAIL",
        gate=rb"@",
        pattern=rb"[\w\xe9\x1f.!#$%&'*+/=?^`{|}~-]+@(?:[\w\xe9\x1f-]+\.)+[A-Za-z\xe9][\w\xe9\x1f-]+",
    ),
    Recognizer("URL", gate=rb"://", pattern=rb"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"']+", canonical=_url),
    Recognizer(
        "USER",
        gate=rb"(?i)/(?:home|Users)/|\\(?:Users|Documents and Settings)\\",
        pattern=rb"/(?:home|Users)/+([^\s/\\\"'<>:;,|*?()\[\]]+)"
        rb"|(?i:\\(?:Users|Documents and Settings)\\+)"
        rb"(?:([^/\\:*?\"'<>|\r\n]{1,64})\\|([^\s/\\\"'<>:;,|*?()\[\]]+))",
    ),
    Recognizer(
        "IP",
        gate=rb"\d\.\d{1,3}\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:",
        pattern=rb"\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*[0-9A-Fa-f]",
        canonical=_address,
        cut=_unnamed,
    ),
    Recognizer(
        "CARD",
        gate=rb"\d(?:[ -]?\d){12}",
        pattern=rb"\b(?:[2-6]\d{3}(?:[ -]?\d{4}){3}|3[47]\d\d[ -]?\d{6}[ -]?\d{5}|[2-6]\d{12,18})\b",
        canonical=_card,
        cut=_unnamed,
    ),
    Recognizer(
        "PHONE",
        gate=rb"\d(?:" + _GAP + rb"\d){6}",
        pattern=rb"(?:\+[ (\x1f]{0,2})?(?:\d{10,}|\d(?:" + _GAP + rb"\d){6,})",
        canonical=_phone,
        cut=_phones,
        clocks=False,
    ),
)


def _gates() -> re2.Set:
    gates = re2.Set.SearchSet(_LATIN1)
    for recognizer in RECOGNIZERS:
        gates.Add(recognizer.gate)
    gates.Compile()
    return gates


_GATES = _gates()
_PATTERNS = [re2.compile(recognizer.pattern, _LATIN1) for recognizer in RECOGNIZERS]


def _hits(gate: int, text: str, view: bytes, until: int) -> Iterator[Span]:
    recognizer, pattern = RECOGNIZERS[gate], _PATTERNS[gate]
    grouped = pattern.groups > 0
    for match in pattern.finditer(view):
        first, last = match.span()
        if first >= until:
            return
        if grouped:
            first, last = match.span(match.lastindex or 0)
        for start, end in recognizer.cut(view, first, last):
            canonical = recognizer.canonical(unicodedata.normalize("NFKC", text[start:end]))
            if canonical is not None:
                yield Span(start, end, recognizer.type, canonical)


def find(text: str, *, until: int | None = None) -> list[Span]:
    """What the recognizers find, in order and without overlaps, in time linear in the text's length.

    Args:
        text: any text.
        until: index before which all spans that begin are wanted; of later ones some may be missing.
    """
    view = _plain(text)
    open_gates = _GATES.Match(view) or ()
    spans: list[Span] = []
    cleared: bytes | None = None
    for gate in sorted(open_gates):
        if RECOGNIZERS[gate].clocks:
            spans += _hits(gate, text, view, until or len(text))
        else:
            cleared = cleared or _without_clocks(view)
            spans += _hits(gate, text, cleared, until or len(text))
    return merge(spans) if len(open_gates) > 1 else spans

"""Telephone numbers: runs of 7 to 15 digits that are no date, time, version or measured value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from librarian.privacy.ordinary import DATE, is_dated_or_measured, is_field, is_quantity, is_version_or_list
from librarian.privacy.view import PLAIN

GAP = rb"[ .\-/()\x1f]{0,3}"
"""What may stand between two digits of one number."""
_NO_DIGIT = re.compile(r"\D+")
_BORDER = rb"(?<=\d{10})[ .\-/()\x1f]+(?=\d{7}|\d{1,2}\Z)"
_BORDERS = re.compile(_BORDER)
_DATES_AND_BORDERS = re.compile(DATE + rb"|" + _BORDER)
_SEPARATORS = b" .-/()+\x1f"
_SHORTEST, _LONGEST = 7, 15
"""Digits of a phone number (ITU-T E.164 allows 15)."""
_CUE = re.compile(
    rb"(?i)\b(?:tel|phone|fon|mob|cell|handy|fax|call|ring|dial|sms|rufnummer|number|nummer|n[u\xe9]m[e\xe9]ro|whatsapp)"
    rb"[\w\xe9]*[ .:=\x1f-]{0,4}(?:(?:me|us|him|her|is|at|on|am|an)[ :]{1,2}){0,2}\Z"
)
_CUE_REACH = 32


def digits_of(hit: str) -> str:
    """The digits in a text, in ASCII."""
    return _NO_DIGIT.sub("", hit.translate(PLAIN))


@cache
def _country_codes() -> frozenset[str]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def national(hit: str) -> str:
    """The national number without its leading zeros, at most the last ten digits.

    So a number is the same in its national and its international spellings, wherever the owner lives.
    """
    digits = digits_of(hit)
    if hit.startswith("+") or digits.startswith("00"):
        digits = digits.lstrip("0")
        size = next((size for size in (1, 2, 3) if digits[:size] in _country_codes()), 0)
        digits = digits[size:]
    return digits.lstrip("0")[-10:] or digits


def _count(run: bytes) -> int:
    """The digits in a run."""
    return len(run.translate(None, _SEPARATORS))


def phones(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The phone numbers in a run of digits: what its dates and measured values leave of it."""
    international = view.startswith(b"+", start)
    if view[start + international : end].isdigit():
        length = end - start - international
        if _SHORTEST <= length <= _LONGEST and (international or not _is_ordinary(view, start, end)):
            yield start, end
        return
    if is_dated_or_measured(view, start, end):
        return
    certain = international and _count(view[start:end]) <= _LONGEST
    cuts = (_BORDERS if certain else _DATES_AND_BORDERS).finditer(view, start, end)
    borders = [start, *(border for cut in cuts for border in cut.span()), end]
    for left, right in zip(borders[::2], borders[1::2], strict=True):
        run = view[left:right].strip(_SEPARATORS)
        if _count(run) < _SHORTEST:
            continue
        first = view.index(run, left)
        if certain or not _is_ordinary(view, first, first + len(run)):
            yield left if certain else first, first + len(run)


def _is_ordinary(view: bytes, start: int, end: int) -> bool:
    """Whether a run of digits is a date, a version, a quantity, a size, or a list of such numbers."""
    run = view[start:end]
    if run.isdigit():
        return len(run) > _LONGEST or is_quantity(view, start, end) or is_dated_or_measured(view, start, end)
    return is_version_or_list(run) or is_field(view, start)


def dialled(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Those of the phone numbers in a run that are international and valid, or have a word such as `Tel.` before."""
    for first, last in phones(view, start, end):
        if _is_valid(view[first:last]) or _CUE.search(view[max(0, first - _CUE_REACH) : first]):
            yield first, last


def _is_valid(run: bytes) -> bool:
    if not run.startswith((b"+", b"00")):
        return False
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits_of(run.decode("latin-1")).lstrip("0"))
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)

"""Dates of birth: one form for all ways to write a day."""

from __future__ import annotations

import re
from datetime import date

from librarian.privacy.folding import bare

_MONTHS = (
    "jan ene gen; feb fev; mar mrz mae maa mer; apr abr avr; may mai mag mei maj; jun jui(?!l) giu; jul juil lug; "
    "aug ago aou aout; sep set; oct okt ott out; nov; dec dez dic des"
)
"""How the names of the twelve months begin in the languages of Western Europe."""
_BEGINNINGS = [re.compile("|".join(names.split())) for names in _MONTHS.split(";")]
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"\d+")
_MOST_MONTH, _MOST_DAY = 12, 31
_CENTURY = 100


def birth(hit: str) -> str | None:
    """The day as 1962-03-14; where 3/4 may be either, the day comes first. What is no day is kept as it is written."""
    numbers = [int(each) for each in _NUMBER.findall(hit)]
    month = _month(hit)
    if month and len(numbers) == 2:  # noqa: PLR2004
        day, year = numbers if numbers[0] <= _MOST_DAY else reversed(numbers)
    elif len(numbers) == 3:  # noqa: PLR2004
        year, month, day = numbers if numbers[0] > _MOST_DAY else reversed(numbers)
        if month > _MOST_MONTH:
            month, day = day, month
    else:
        return " ".join(hit.casefold().split())
    year += 1900 if year < _CENTURY else 0
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _month(hit: str) -> int:
    """The number of the month that is named; 0 where none is."""
    words = _WORD.findall(bare(hit))
    return next((n for word in words for n, begins in enumerate(_BEGINNINGS, 1) if begins.match(word)), 0)

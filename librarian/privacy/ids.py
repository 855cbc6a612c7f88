"""National ids, as python-stdnum knows them: whatever it says is a person's.

No country is named here. A number counts where a module takes it and chance would hardly have made it so: it has
letters in their places, or separators exactly where the module writes them, or a word before it that says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

_OF_PERSONS = re.compile(
    r"(?i)person|citizen|identi(?:ty|fication|fi\w+ code)|social|birth|resident|individual|foreigner|health|national"
    r"|insurance|(?<!VAT )tax |voter|driv"
)
_NOT_OF_PERSONS = re.compile(r"(?i)compan|enterprise|business|organi[sz]ation|corporat|bank|postal|VAT|excise|estate")
_CHECKS = re.compile(r"calc_check|checksum|luhn|verhoeff|damm|mod_\d")
_SEPARATORS = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
_LEAST_DIGITS = 5
_FEW_LETTERS = 2
_CERTAIN_LENGTH = 16
"""Digits of which a date of birth and a check digit do not come together by chance."""
_LENGTHS = range(7, 21)
_TOO_LONG = "1" * 40


@cache
def _modules() -> tuple[Any, ...]:
    """The modules for ids of persons."""
    from stdnum.util import get_number_modules

    def takes(module: ModuleType) -> bool:
        says = (module.__doc__ or "").strip().partition("\n")[0]
        if module.__name__.count(".") < 2 or _NOT_OF_PERSONS.search(says):  # noqa: PLR2004
            return False
        return bool(_OF_PERSONS.search(says)) and not _has_form_of(module, _TOO_LONG)

    return tuple(filter(takes, get_number_modules()))


def _has_form_of(module: Any, number: str) -> bool:
    """Whether a module finds nothing wrong with a number but its value."""
    from stdnum.exceptions import InvalidFormat, InvalidLength

    try:
        module.validate(number)
    except (InvalidFormat, InvalidLength):
        return False
    except Exception:
        return True
    return True


def _checks(module: Any) -> bool:
    """Whether a module computes a check digit."""
    return any(map(_CHECKS.search, vars(module)))


@cache
def _with_few_letters() -> tuple[Any, ...]:
    """The modules that compute a check digit and take numbers with a letter or two."""

    def takes(module: Any) -> bool:
        numbers = ["1" * length for length in _LENGTHS]
        if not any(_has_form_of(module, number) for number in numbers):
            return True
        places = (0, 4, 6, 7, -2, -1)
        probes = (f"{number[:at]}{letter}{number[at:][1:]}" for number in numbers for at in places for letter in "AKX")
        return any(_has_form_of(module, probe) for probe in probes)

    return tuple(each for each in _modules() if _checks(each) and takes(each))


@cache
def _with_letters() -> tuple[Any, ...]:
    """The modules that compute a check digit."""
    return tuple(filter(_checks, _modules()))


@cache
def _dated() -> tuple[Any, ...]:
    """The modules that compute a check digit and find a date of birth."""
    return tuple(each for each in _modules() if _checks(each) and hasattr(each, "get_birth_date"))


@cache
def _layouts() -> dict[str, list[Any]]:
    """How digits and separators stand where a module writes a number → the modules that write so."""
    layouts: dict[str, list[Any]] = {}
    for module in _modules():
        for digits in ("1" * length for length in _LENGTHS if hasattr(module, "format")):
            try:
                written = str(module.format(digits))
            except Exception:  # a length that it does not write
                continue
            if written != digits and _SEPARATORS.sub("", written) == digits:
                layouts.setdefault(written, []).append(module)
    return layouts


def _compact(hit: str) -> str:
    return _SEPARATORS.sub("", hit).upper()


def _takes(module: Any, number: str) -> bool:
    """Whether a number is valid for a module; also where that fails: too much is hidden then, not too little."""
    try:
        return bool(module.is_valid(number))
    except Exception:
        return True


def _taken_by(modules: Iterable[Any], hit: str) -> Iterator[Any]:
    """The modules that take a number, as it is written or without separators."""
    numbers = dict.fromkeys((_compact(hit), hit.upper()))
    return (module for module in modules if any(_takes(module, number) for number in numbers))


def lettered_id(hit: str) -> str | None:
    """The number, where letters and digits are in the places that an id with a check digit has them in."""
    compact = _compact(hit)
    digits = len(_DIGIT.findall(compact))
    if digits < _LEAST_DIGITS:
        return None
    if digits == len(compact):
        return compact if len(compact) >= _CERTAIN_LENGTH and any(_taken_by(_dated(), hit)) else None
    few = len(compact) - digits <= _FEW_LETTERS
    return compact if any(_taken_by(_with_few_letters() if few else _with_letters(), hit)) else None


def written_id(hit: str) -> str | None:
    """The digits, where separators stand among them exactly as those who give out such numbers write them."""
    modules = _layouts().get(_DIGIT.sub("1", hit))
    compact = _compact(hit)
    return compact if any(_taken_by(modules or (), hit)) else None


def named_id(hit: str) -> str | None:
    """The number without separators, where its check digit is right. A word before it says what it is."""
    compact = _compact(hit)
    long = len(_DIGIT.findall(compact)) > _LEAST_DIGITS
    return compact if long and any(_taken_by(_modules(), hit)) else None

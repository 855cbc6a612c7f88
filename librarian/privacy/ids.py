"""National ids, as python-stdnum knows them: whatever it says is a person's.

No country is named here. A number counts where a module takes it and chance would hardly have made it so: it has letters
in their places, or separators exactly where the module writes them, or a word before it that says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_CERTAIN_LENGTH = 16
"""Digits of which a date of birth and a check digit do not come together by chance."""
_LENGTHS = range(7, 21)


@cache
def _modules() -> tuple[Any, ...]:
    """The modules for ids of persons."""
    from stdnum.util import get_number_modules

    def takes(module: ModuleType) -> bool:
        says = (module.__doc__ or "").strip().partition("\n")[0]
        of_a_country = module.__name__.count(".") > 1
        return of_a_country and bool(_OF_PERSONS.search(says)) and not _NOT_OF_PERSONS.search(says)

    return tuple(filter(takes, get_number_modules()))


@cache
def _checking() -> tuple[Any, ...]:
    """Those of the modules that compute a check digit."""
    return tuple(each for each in _modules() if any(map(_CHECKS.search, vars(each))))


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


def _taken_by(modules: tuple[Any, ...], compact: str) -> Iterator[Any]:
    return (module for module in modules if module.is_valid(compact))


def lettered_id(hit: str) -> str | None:
    """The number, where letters and digits are in the places that an id with a check digit has them in."""
    compact = _compact(hit)
    if len(_DIGIT.findall(compact)) < _LEAST_DIGITS:
        return None
    if compact.isdigit() and len(compact) < _CERTAIN_LENGTH:
        return None
    certain = compact if not compact.isdigit() else ""
    found = _taken_by(_checking(), compact)
    return compact if any(certain or hasattr(each, "get_birth_date") for each in found) else None


def written_id(hit: str) -> str | None:
    """The digits, where separators stand among them exactly as those who give out such numbers write them."""
    modules = _layouts().get(_DIGIT.sub("1", hit))
    compact = _compact(hit)
    return compact if modules and any(each.is_valid(compact) for each in modules) else None


def named_id(hit: str) -> str | None:
    """The number without separators, where its check digit is right. A word before it says what it is."""
    compact = _compact(hit)
    return compact if any(_taken_by(_modules(), compact)) else None

"""Validators: what decides whether a match is a hit, by name, and gives the one form for all its spellings.

Recognizers are data and name these; an extension's recognizers can name no others.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping

from librarian.privacy.births import birth
from librarian.privacy.folding import bare
from librarian.privacy.ids import lettered_id, named_id, written_id
from librarian.privacy.phones import digits_of, national
from librarian.privacy.spoken import spelt, spoken_mail, spoken_number, spoken_pin

Validate = Callable[[str], str | None]
_SEPARATORS = re.compile(r"[\W_]+")
_BY_CHANCE = re.compile(r"(?:\w{0,3}:){1,3}\w{0,3}")
_LEAST_ENTROPY = 3.0
"""Bits a character, below which a text is a word rather than a key."""
_LEAST_KEY, _LEAST_PASSWORD = 12, 4
_NO_SECRET = frozenset("none null true false yes empty redacted hidden changeme xxxx password token secret".split())
_NO_NAME = frozenset(
    "not on the a an in is of so to at it that this your my his her what and der die das le la".split()
)
_MOST_LATITUDE, _MOST_LONGITUDE = 90, 180


def card(hit: str) -> str | None:
    """The digits, where they pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = digits_of(hit)
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return digits if (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0 else None


def iban(hit: str) -> str | None:
    """The account number without spaces, where its check digits and its length are right (ISO 13616)."""
    from stdnum import iban as standard

    compact = _SEPARATORS.sub("", hit).upper()
    return compact if standard.is_valid(compact, check_country=False) else None


def address(hit: str) -> str | None:
    """The IP address in its shortest form; None for loopback, and for a slice or a namespace."""
    if _BY_CHANCE.fullmatch(hit):
        return None
    try:
        found = ipaddress.ip_address(hit if hit.startswith("::") else hit.removeprefix(":"))
    except ValueError:
        return None
    return None if found.is_loopback or found.is_unspecified else str(found)


def mac(hit: str) -> str | None:
    """The hardware address in lower case; None for digits and dashes only, which may be a date and time."""
    compact = _SEPARATORS.sub("", hit).lower()
    return None if compact.isdigit() and ":" not in hit else compact


def url(hit: str) -> str | None:
    """The URL, where it may hold a login, an account or a query."""
    return hit if re.search("[@?#]", hit) else None


def place(hit: str) -> str | None:
    """Latitude and longitude, where they can be such and are more exact than a kilometre."""
    numbers = [float(each) for each in re.findall(r"\d+(?:\.\d+)?", hit)]
    halves = len(numbers) // 2
    if len(numbers) < 2 or numbers[0] > _MOST_LATITUDE or numbers[halves] > _MOST_LONGITUDE:  # noqa: PLR2004
        return None
    return hit.upper().replace(" ", "")


def key(hit: str) -> str | None:
    """A text that is no word: long, mixed, its characters used about equally."""
    if len(hit) < _LEAST_KEY or hit.isalpha() or hit.isdigit():
        return None
    counts = Counter(hit).values()
    entropy = -sum(count / len(hit) * math.log2(count / len(hit)) for count in counts)
    return hit if entropy >= _LEAST_ENTROPY else None


def password(hit: str) -> str | None:
    """Whatever is called a password, but for what stands for none."""
    nothing = hit.lower() in _NO_SECRET or not re.search(r"[^\W_]", hit)
    return None if nothing or len(hit) < _LEAST_PASSWORD or hit.startswith("<") else hit


def introduced(hit: str) -> str | None:
    """The name that somebody says to be called, unless it is an ordinary word."""
    folded = bare(hit)
    return None if folded.partition(" ")[0] in _NO_NAME else folded.replace(" ", "")


def plate(hit: str) -> str | None:
    """A licence plate: letters and digits, without separators."""
    compact = _SEPARATORS.sub("", hit).upper()
    return None if compact.isalpha() or compact.isdigit() else compact


def document(hit: str) -> str | None:
    """The number of a passport or of another paper, without separators: at least two digits are in it."""
    compact = _SEPARATORS.sub("", hit).upper()
    return compact if len(re.findall(r"\d", compact)) >= 2 else None  # noqa: PLR2004


def numbered(hit: str) -> str | None:
    """A number without separators: at least five digits are in it."""
    compact = _SEPARATORS.sub("", hit).upper()
    return compact if len(re.findall(r"\d", compact)) >= 5 else None  # noqa: PLR2004


VALIDATORS: Mapping[str, Validate] = {
    "text": str.casefold,
    "exact": str,
    "digits": digits_of,
    "phone": national,
    "card": card,
    "iban": iban,
    "address": address,
    "mac": mac,
    "url": url,
    "place": place,
    "birth": birth,
    "key": key,
    "password": password,
    "introduced": introduced,
    "plate": plate,
    "document": document,
    "numbered": numbered,
    "lettered_id": lettered_id,
    "written_id": written_id,
    "named_id": named_id,
    "spoken_number": spoken_number,
    "spoken_mail": spoken_mail,
    "spoken_pin": spoken_pin,
    "spelt": spelt,
}

"""ULIDs (github.com/ulid/spec): 48 bits of time in ms and 80 random ones, 26 characters that sort by time."""

from __future__ import annotations

import os
import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_BITS = 5
_RANDOM_BYTES = 10


def new_ulid(after: str = "") -> str:
    """A ULID of now in lower case, greater than `after` also where the clock was set back."""
    number = int(time.time() * 1000) << 8 * _RANDOM_BYTES | int.from_bytes(os.urandom(_RANDOM_BYTES), "big")
    number = max(number, _number(after) + 1)
    return "".join(_DIGITS[number >> _BITS * place & 31] for place in reversed(range(_LENGTH)))


def time_of(ulid: str) -> float:
    """When a ULID was made (seconds since the epoch), as the clock had it then."""
    return (_number(ulid) >> 8 * _RANDOM_BYTES) / 1000


def _number(ulid: str) -> int:
    number = 0
    for char in ulid:
        number = number << _BITS | _DIGITS.index(char)
    return number

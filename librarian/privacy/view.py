"""The plain view of a text, which recognizers read: one byte per character, so that offsets stay true.

Digits, dashes and spaces of any script are in their ASCII form; `_` is a separator of its own (0x1F), other letters are
0xE9, all the rest is 0xB7.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import re2

LATIN1 = re2.Options()
LATIN1.encoding = re2.Options.Encoding.LATIN1
LATIN1.log_errors = False


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


PLAIN = Characters(_plain_character)
"""For `str.translate`."""


def plain(text: str) -> bytes:
    """The plain view of a text."""
    return text.translate(PLAIN).encode("latin-1")

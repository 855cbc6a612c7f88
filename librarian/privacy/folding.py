"""Folding: one form of a text for all ways to write it, whatever its case, marks, separators and escapes.

Folded text is made of letters, digits and single spaces.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import islice

from librarian.privacy.view import Characters

_DROPPED = re.compile("(?<= )[ \0]+|\0+")
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "æ": "ae", "ø": "oe"})
_HEX = "[0-9A-Fa-f]"


def _escapes(backslash: str, *, utf8: bool) -> re.Pattern[str]:
    """Colours of a terminal, bytes, UTF-16, code points, white space, HTML; a group is named after its encoding."""
    byte = rf"(?:{backslash}x|%)"
    after = rf"{byte}[89ABab]{_HEX}"
    several = rf"[CDcd]{_HEX}{after}|[Ee]{_HEX}{after}{after}|[Ff]{_HEX}{after}{after}{after}|"
    unit = rf"{backslash}u"
    pair = rf"{unit}[Dd][89ABab]{_HEX}{{2}}{unit}[Dd][C-Fc-f]{_HEX}{{2}}"
    return re.compile(
        rf"(?:\x1b|{backslash}(?:x|u00)1[Bb])\[[0-9;?]{{0,16}}[A-Za-z]"
        rf"|(?P<{'utf_8' if utf8 else 'latin_1'}>{byte}(?:{several if utf8 else ''}{_HEX}{{2}}))"
        rf"|(?P<utf_16_be>{pair}|{unit}{_HEX}{{4}})"
        rf"|(?P<utf_32_be>{backslash}U{_HEX}{{8}})"
        rf"|{backslash}[nrt]"
        rf"|&\#?\w{{2,31}};"
    )


@cache
def _all_escapes() -> list[re.Pattern[str]]:
    # More backslashes before one are either its own, escaped again, or part a path.
    return [_escapes(backslash, utf8=utf8) for backslash in (r"(?<!\\)\\{1,8}", r"\\") for utf8 in (False, True)]


_NUL = r"(?:\0|\\{1,8}x00|\\{1,8}u0000|%00)"
_UNIT = rf"(?:[^\\\0%]|(?:\\{{1,8}}x|%)(?!00){_HEX}{{2}}|\\{{1,8}}u(?!0000){_HEX}{{4}}|\\{{1,8}}[nrt'\"])"
_WIDE = re.compile(rf"(?:{_UNIT}{_NUL}){{3,}}{_UNIT}?|(?:{_NUL}{_UNIT}){{3,}}")
_NULS = re.compile(_NUL)
_SIGNS_OF_WIDE = ("\0", "x00", "u0000", "%00")
_DIGITS = re.compile(f"[xuU%]({_HEX}+)")
MOST_ESCAPES = 50_000
_FILLER = "\N{WORD JOINER}"
"""Dropped when a text is folded."""


def _fold_character(char: str) -> str:
    """Its bare lower-case letter or digit; a space for what separates; NUL for marks, which are dropped."""
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf":
        return "\0"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    apart = unicodedata.normalize("NFKD", char).casefold()
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    folded = bare if len(bare) == 1 else char.lower()
    return folded if len(folded) == 1 and folded.isalnum() else " "


FOLD = Characters(_fold_character)
"""For `str.translate`: character by character, as long as before; NUL stands for what is dropped."""


def fold(text: str) -> tuple[str, Callable[[int], int]]:
    """The text without case, marks and kinds of separators, and the way back to the text's indices."""
    folded = text.translate(FOLD)
    if "\0" not in folded and "  " not in folded:
        return folded, int
    places: list[int] = []
    lost = [0]

    def back(index: int) -> int:
        if not places:
            for match in _DROPPED.finditer(folded):
                places.append(match.start() - lost[-1])
                lost.append(lost[-1] + match.end() - match.start())
        return index + lost[bisect_right(places, index)]

    return _DROPPED.sub("", folded), back


def bare(text: str) -> str:
    """The text as `fold` makes it, without spaces at its ends."""
    return " ".join(text.translate(FOLD).replace("\0", "").split())


def spellings(value: str) -> list[str]:
    """The folded forms in which a value is found, the canonical one first: one, or four where accents are in it."""
    if value.isascii():
        return [bare(value)]
    composed = unicodedata.normalize("NFC", value)
    lower = composed.casefold()
    forms = (lower, lower.translate(_TRANSCRIBED), composed, unicodedata.normalize("NFD", value))
    return [bare(form) for form in forms]


@lru_cache(4096)
def _meant(escape: str, encoding: str | None) -> str:
    """What an escape stands for, as long as the escape."""
    if encoding:
        decoded = bytes.fromhex("".join(_DIGITS.findall(escape))).decode(encoding, "replace")
    else:
        decoded = html.unescape(escape) if escape.startswith("&") else " "
    return decoded.ljust(len(escape), _FILLER)


def _decoded(match: re.Match[str]) -> str:
    return _meant(match.group(), match.lastgroup)


def narrowed(text: str) -> str:
    """The text with what is UTF-16 in it, as bytes or as a program wrote them, in characters of its own."""
    if not any(sign in text for sign in _SIGNS_OF_WIDE):
        return text
    return _WIDE.sub(lambda match: _NULS.sub("", match[0]), text)


def unescaped(text: str) -> tuple[list[str], int]:
    """The text as it was before a program wrote it in the way of Python, JSON, bytes, URLs, HTML or terminals.

    Nothing where nothing is escaped, else all ways to read it, each as long as the text up to where that was done: the
    whole text, unless more is escaped than `MOST_ESCAPES`.
    """
    signed = "\\" in text or "%" in text or "&" in text or "\x1b" in text
    if not signed or not _all_escapes()[0].search(text):
        return [], len(text)
    ways = _all_escapes() if r"\\" in text else _all_escapes()[:2]
    read = min(_place_of_last(each, text) for each in ways)
    return list(dict.fromkeys(each.sub(_decoded, text[:read]) for each in ways)), read


def _place_of_last(escapes: re.Pattern[str], text: str) -> int:
    """Where the escape stands that is one too many; else the text's length."""
    beyond = next(islice(escapes.finditer(text), MOST_ESCAPES, None), None) if len(text) > MOST_ESCAPES else None
    return beyond.start() if beyond else len(text)

"""Text in tokens: without case and accents, and where words are not parted by spaces, letter by letter.

What was said and what is looked for are both cut here and nowhere else, so that neither a database's idea of letters
nor its query language matters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 100
"""Characters of a token; what follows is not looked at."""
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670]")
"""Of Latin, Greek, Cyrillic, Hebrew and Arabic letters. Elsewhere a mark makes another sound of a letter: か, が."""
_WITHOUT_ACCENT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe"})
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer; kana, Han."""
_HANGUL = "\uac00-\ud7a3"
"""Has spaces, but what is looked for stands with particles: 서울, 서울에서."""
_SINGLE = re.compile(f"[{_UNSPACED}{_HANGUL}]")
_CLOSED_UP = re.compile(f"[{_UNSPACED}\u3000-\u303f\uff00-\uffef]")


@lru_cache(1 << 17)
def tokens(text: str) -> tuple[str, ...]:
    """The tokens of a text: `Größe, Straße 7` → `grosse`, `strasse`, `7`; `東京で` → `東`, `京`, `で`."""
    found: list[str] = []
    goes_on = False
    for char in _folded(text):
        category = unicodedata.category(char)
        if category == "Cf":  # a soft hyphen, a joiner
            continue
        if category[0] == "M" and found:
            found[-1] += char
        elif category[0] not in "LN":
            goes_on = False
        elif _SINGLE.match(char):
            found.append(char)
            goes_on = False
        elif goes_on:
            found[-1] += char
        else:
            found.append(char)
            goes_on = True
    return tuple(each[:LONGEST] for each in found)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart)).casefold().translate(_WITHOUT_ACCENT)


def between(left: str, right: str) -> str:
    """What stands between two words: a space, but in scripts that have none."""
    close = left and right and _CLOSED_UP.match(left[-1]) and _CLOSED_UP.match(right[0])
    return "" if close else " "

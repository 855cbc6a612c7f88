"""Recognizers that extensions declare: data as it came from a worker → `Recognizer`, or why it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import re2

from librarian.privacy.cues import IS, after
from librarian.privacy.recognizers import Recognizer
from librarian.privacy.spans import WITHHELD
from librarian.privacy.validators import VALIDATORS
from librarian.privacy.view import LATIN1, plain

MOST = 64
"""Recognizers of one extension."""
_KEYS = frozenset({"type", "pattern", "cues", "validator"})
_TYPE = re.compile("[A-Z]{2,16}")
_LONGEST_PATTERN, _LONGEST_CUE = 1000, 100


class BadRecognizerError(ValueError):
    """What is declared is no recognizer; the message says why, and holds no text of anybody's."""


def recognizers_of(declared: Sequence[Mapping[str, Any]]) -> tuple[Recognizer, ...]:
    """What an extension's `librarian_recognizers` gave, checked.

    Each is a mapping: `type`, the word in pseudonyms; `pattern`, a regular expression (RE2) on the plain view of a
    text, where one group, if there is one, is the hit; `cues`, words of which one stands before it (optional);
    `validator`, a name in `validators.VALIDATORS` (optional).

    Raises:
        BadRecognizerError: one is not of that form.
    """
    if len(declared) > MOST:
        raise BadRecognizerError(f"it declares more than {MOST} recognizers")
    return tuple(map(_recognizer, declared))


def _recognizer(declared: Any) -> Recognizer:
    if not isinstance(declared, Mapping) or not {"type", "pattern"} <= declared.keys() <= _KEYS:
        raise BadRecognizerError("a recognizer has type and pattern, and may have cues and validator")
    kind, cues, validator = declared["type"], declared.get("cues", []), declared.get("validator", "text")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or kind == WITHHELD:
        raise BadRecognizerError("the type of a recognizer is 2 to 16 capital letters")
    if not isinstance(validator, str) or validator not in VALIDATORS:
        raise BadRecognizerError(f"{kind}: there is no such validator; there are {', '.join(VALIDATORS)}")
    pattern = _pattern(kind, declared["pattern"])
    if not isinstance(cues, Sequence) or not all(isinstance(cue, str) and 0 < len(cue) <= _LONGEST_CUE for cue in cues):
        raise BadRecognizerError(f"{kind}: a cue is a text of 1 to {_LONGEST_CUE} characters")
    if cues:
        words = b"|".join(plain(re.escape(cue)) for cue in cues)
        pattern = after(rb"(?i:" + words + rb")", pattern, IS)
    return Recognizer(kind, gate=pattern, pattern=pattern, validator=validator)


def _pattern(kind: str, declared: Any) -> bytes:
    if not isinstance(declared, str) or not 0 < len(declared) <= _LONGEST_PATTERN:
        raise BadRecognizerError(f"{kind}: its pattern is a text of 1 to {_LONGEST_PATTERN} characters")
    pattern = plain(declared)
    try:
        compiled = re2.compile(pattern, LATIN1)
    except re2.error:
        raise BadRecognizerError(
            f"{kind}: its pattern cannot be read (RE2: no look-around, no back-references)"
        ) from None
    if compiled.match(b""):
        raise BadRecognizerError(f"{kind}: its pattern takes nothing for a hit")
    return pattern

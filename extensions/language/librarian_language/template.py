"""Templates: plain text with named places, `{words}`. Nothing in one is executed, formatted or looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACES = ("text", "words", "turns", "events", "answer")
"""Inputs of the operations, and what stands in a template for each."""
_PLACE = re.compile(r"\{\s*([^{}\s,\"']*)\s*\}")
"""Braces round a single word, or nothing. Others, as of JSON, mean nothing."""
_LONGEST_SHOWN = 40


def places_of(template: str) -> frozenset[str]:
    """The places of a template.

    >>> sorted(places_of('{words} and {turns}: {"title": "x"}'))
    ['turns', 'words']

    Raises:
        ValueError: it has a place that there is not.
    """
    names = _PLACE.findall(template)
    for name in names:
        if name not in PLACES:
            known = ", ".join(f"{{{each}}}" for each in PLACES)
            raise ValueError(f"{{{name[:_LONGEST_SHOWN]}}} is no place; there are {known}")
    return frozenset(names)


def filled(template: str, texts: Mapping[str, str]) -> str:
    """A template with a text in each of its places. What looks like a place in those texts is left as it is.

    >>> filled("{text} or { words }?", {"text": "{words}", "words": "b"})
    '{words} or b?'
    """
    return _PLACE.sub(lambda found: texts[found[1]], template)

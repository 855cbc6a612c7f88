"""Spans: stretches of a text that name someone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

WITHHELD = "WITHHELD"
"""The type of the rest of a text in which too much was found: what was not looked at is not shown."""


class Span(NamedTuple):
    """A stretch of a text that names someone.

    Args:
        start: index of its first character.
        end: index after its last character.
        type: `PHONE`, `EMAIL` …
        canonical: one form for all spellings of the value; as private as the text itself.
    """

    start: int
    end: int
    type: str
    canonical: str


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; what overlaps becomes one, named after the longest of it (then the first given)."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    if len(ordered) <= 1:
        return ordered
    merged: list[tuple[int, int, Span]] = []
    for span in ordered:
        if merged and span.start < merged[-1][1]:
            start, end, longest = merged[-1]
            wins = span.end - span.start > longest.end - longest.start
            merged[-1] = start, max(end, span.end), span if wins else longest
        else:
            merged.append((span.start, span.end, span))
    return [Span(start, end, span.type, span.canonical) for start, end, span in merged]


def withheld(text: str, start: int) -> Span:
    """The rest of a text, of which nothing is known."""
    return Span(start, len(text), WITHHELD, text[start:])

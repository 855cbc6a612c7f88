"""The search: all gates at once, then the recognizers whose gates opened, then what decides about their matches."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

import re2

from librarian.privacy.ordinary import unnamed, without_clocks
from librarian.privacy.phones import dialled, phones
from librarian.privacy.recognizers import MOST_HITS, MOST_LOOKED_AT, RECOGNIZERS, Level, Recognizer
from librarian.privacy.spans import Span, merge, withheld
from librarian.privacy.validators import VALIDATORS, Validate
from librarian.privacy.view import LATIN1, plain

_NUMBER_AROUND = re.compile(rb"[,;] ?[+-]?\d")


def _whole(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    yield start, end


def _alone(view: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The match, unless it is part of a longer list of numbers."""
    before = view[max(0, start - 2) : start].rstrip()
    if not before.endswith((b",", b";")) and not _NUMBER_AROUND.match(view, end):
        yield start, end


CUTS: Mapping[str, Callable[[bytes, int, int], Iterable[tuple[int, int]]]] = {
    "whole": _whole,
    "longest": _whole,
    "unnamed": unnamed,
    "alone": _alone,
    "phones": phones,
    "dialled": dialled,
}
"""A match → the hits in it, by name."""
_LAST_WORD = re.compile(r"[\W_]+[^\W_]*\Z")


def _shorter(kind: str, hit: str, start: int, validate: Validate) -> list[Span]:
    """The longest beginning of a match that is a hit, cut word by word."""
    while shorter := _LAST_WORD.search(hit):
        hit = hit[: shorter.start()]
        canonical = validate(hit)
        if canonical is not None:
            return [Span(start, start + len(hit), kind, canonical)]
    return []


class Search:
    """Recognizers, ready to search.

    Args:
        recognizers: what to look for; compiled when it is first needed.
    """

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = recognizers
        self._patterns = [re2.compile(each.pattern, LATIN1) for each in recognizers]
        self._gates = re2.Set.SearchSet(LATIN1)
        for each in recognizers:
            self._gates.Add(each.gate)
        self._gates.Compile()

    def find(self, text: str, until: int | None = None) -> list[Span]:
        """What the recognizers find, in order and without overlaps, in time linear in the text's length.

        Where more is found than `recognizers.MOST_HITS`, the rest of the text is one span, withheld.

        Args:
            text: any text.
            until: index before which all spans that begin are wanted; of later ones some may be missing.
        """
        view = plain(text)
        opened = self._gates.Match(view)
        if not opened:
            return []
        last = whole = len(text) if until is None else until
        spans: list[Span] = []
        cleared: bytes | None = None
        for gate in sorted(opened):
            if not self._recognizers[gate].clocks and cleared is None:
                cleared, read = without_clocks(view, MOST_LOOKED_AT)
                last = min(last, read)
            here = view if self._recognizers[gate].clocks else cleared
            found, last = self._hits(gate, text, here or view, last)
            spans += found
        if last < whole:
            spans = [*(span for span in spans if span.start < last), withheld(text, last)]
        return merge(spans) if len(spans) > 1 else spans

    def _hits(self, gate: int, text: str, view: bytes, until: int) -> tuple[list[Span], int]:
        """The hits of one recognizer that begin before `until`, and up to where there are no others."""
        recognizer, pattern = self._recognizers[gate], self._patterns[gate]
        cut, validate = CUTS[recognizer.cut], VALIDATORS[recognizer.validator]
        spans: list[Span] = []
        grouped = pattern.groups > 0
        for number, match in enumerate(pattern.finditer(view)):
            first, last = match.span()
            if first >= until:
                break
            if number == recognizer.most or len(spans) >= MOST_HITS:
                return spans, first
            if grouped:
                first, last = match.span(match.lastindex or 0)
            for start, end in cut(view, first, last):
                hit = text[start:end]
                hit = hit if hit.isascii() else unicodedata.normalize("NFKC", hit)
                canonical = validate(hit)
                if canonical is not None:
                    spans.append(Span(start, end, recognizer.type, canonical))
                elif recognizer.cut == "longest":
                    spans += _shorter(recognizer.type, hit, start, validate)
        return spans, until


NOTHING = Search(())
"""Which finds nothing: for known values alone."""


@cache
def search_at(level: Level, more: tuple[Recognizer, ...] = ()) -> Search:
    """The search for what ships with librarian and what extensions declare, at a level."""
    return Search([each for each in (*RECOGNIZERS, *more) if level in each.levels])


def find(text: str, *, until: int | None = None) -> list[Span]:
    """What the strictest search finds: see `Search.find`."""
    return search_at("strict").find(text, until)

"""Exempt words: what the owner chose and declared public — names of jobs and steps, labels such as `OH-1987-042`."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from librarian.privacy.folding import fold, spellings
from librarian.privacy.phrases import BEYOND, Phrases
from librarian.privacy.search import find
from librarian.privacy.spans import Span

Range = tuple[int, int]
_GAP = re.compile(r"[\W_]+")


class Exempt:
    """Words that name no one wherever they stand on word edges, each as a whole only.

    Case and accents may differ, and so may the single separators in them: `Anna. 12` is not the label `Anna-12`.

    Args:
        words: read when they are first needed.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._waiting = list(words)
        self._any = bool(self._waiting)
        self._phrases = Phrases()
        self._gaps = {"-", "_", " ", "."}

    def ranges(self, text: str) -> list[Range]:
        """Where exempt words stand, in order; where they overlap, they are one."""
        if not self._any:
            return []
        self._learn()
        folded, back = fold(text)
        ranges: list[Range] = []
        for first, last in sorted(self._phrases.find(folded, len(folded))):
            if last == BEYOND:
                continue
            start, end = back(first), back(last)
            if not _gaps(text[start:end]) <= self._gaps:
                continue
            if ranges and start < ranges[-1][1]:
                ranges[-1] = ranges[-1][0], max(end, ranges[-1][1])
            else:
                ranges.append((start, end))
        return ranges

    def _learn(self) -> None:
        for word in self._waiting:
            self._gaps |= _gaps(word)
            for form in set(spellings(word)):
                if form:
                    self._phrases.add(form)
                    self._phrases.add(form.replace(" ", ""))
        self._waiting = []


def _gaps(text: str) -> set[str]:
    """What parts the words in a text."""
    return set(_GAP.findall(unicodedata.normalize("NFC", text)))


def outside(text: str, ranges: list[Range]) -> list[str]:
    """What exempt words leave of a text."""
    borders = [0, *(border for each in ranges for border in each), len(text)]
    return [text[start:end] for start, end in zip(borders[::2], borders[1::2], strict=True)]


def spared(text: str, spans: list[Span], ranges: list[Range]) -> list[Span]:
    """The spans without those that are within an exempt word.

    A span that holds an exempt word and more stays: the mail address is private though its beginning is not. Of one
    that reaches across an exempt word's border, what is outside stays.
    """
    if not ranges:
        return spans
    whole: list[Span] = []
    parts: list[Span] = []
    for span in spans:
        start, end = _outside(span, ranges)
        if (start, end) == (span.start, span.end):
            whole.append(span)
        else:
            parts += _trimmed(text, span, start, end)
    return whole + parts


def _outside(span: Span, ranges: list[Range]) -> Range:
    """What exempt words leave of a span: nothing of one within them, all of one that holds them."""
    start, end = span.start, span.end
    before = bisect_right(ranges, (start, start)) - 1
    for index in range(max(before, 0), len(ranges)):
        first, last = ranges[index]
        if first >= end:
            break
        if first <= start and end <= last:
            return start, start
        if first < start:
            start = max(start, last)
        elif end < last:
            end = first
    return start, end


def _trimmed(text: str, span: Span, start: int, end: int) -> Iterator[Span]:
    """The rest of a span, without separators where it was cut, first as what it is by itself."""
    while span.start < start < end and not text[start].isalnum():
        start += 1
    while start < end < span.end and not text[end - 1].isalnum():
        end -= 1
    if start < end:
        for each in find(text[start:end]):
            yield each._replace(start=each.start + start, end=each.end + start)
        yield Span(start, end, span.type, span.canonical)

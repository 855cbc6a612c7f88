"""Words without what is private: a placeholder for each span, `<PHONE-1>`, with its times.

Numbers are those of one recording: the key that pseudonyms need never reaches a worker, and what leaves must not be
joined with other recordings by the numbers that are said in them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence

from librarian import Span, Word
from librarian_redaction.stretches import joined, touched

_Part = tuple[int, int | None, int | None]
"""Of a span: its index, channel and speaker."""
PLACEHOLDER = re.compile(r"<[A-Z]{2,16}(?:-\d+)?>")
TYPES = "NAME PHONE EMAIL URL IP MAC USER CARD IBAN ID PASSPORT PLATE BIRTH PLACE PIN SECRET PRIVATE".split()
"""Of what is found. Anything else in angle brackets may be a name: `<HARTMAN>`."""
GIVEN = re.compile(rf"<({'|'.join(TYPES)})(?:-([1-9]\d{{0,2}}))?>")
"""A placeholder that a text came with. With more digits it may be a number of somebody: `<PHONE-5550148822>`."""


def placeholder(span: Span) -> str:
    """What stands for a span.

    >>> placeholder(Span(start=1.0, end=2.0, type="PHONE", number=1))
    '<PHONE-1>'
    """
    return f"<{span.type}-{span.number}>" if span.number else f"<{span.type}>"


def redacted(words: Sequence[Word], spans: Sequence[Span]) -> tuple[list[Word], int]:
    """The words with a placeholder for each speaker's part of a span, and how many were replaced.

    Args:
        words: in the order in which they are said.
        spans: what is private, by start.
    """
    parts: dict[_Part, list[Word]] = {}
    of_word: dict[int, _Part] = {}
    for index, number in _homes(words, spans).items():
        word = words[index]
        of_word[index] = number, word.channel, word.speaker
        parts.setdefault(of_word[index], []).append(word)
    made: list[Word] = []
    for index, word in enumerate(words):
        if index not in of_word:
            made.append(word)
        elif parts[of_word[index]][0] is word:
            made.append(_stand_in(spans[of_word[index][0]], parts[of_word[index]]))
    return made, len(of_word)


def _homes(words: Sequence[Word], spans: Sequence[Span]) -> dict[int, int]:
    """Index of each word that is taken → index of the span that has most of it."""
    times = joined((span.start, span.end) for span in spans)
    starts = [start for start, _ in times]
    groups: dict[int, list[int]] = {}
    for number, span in enumerate(spans):
        groups.setdefault(bisect_right(starts, span.start) - 1, []).append(number)

    def share(word: Word, number: int) -> float:
        return min(word.end, spans[number].end) - max(word.start, spans[number].start)

    found = {}
    for index in touched(words, times):
        word = words[index]
        last = bisect_right(starts, word.end) - 1
        near = [number for group in (last - 1, last) for number in groups.get(group, ())]
        found[index] = max(near, key=lambda number: share(word, number))
    return found


def _stand_in(span: Span, words: Sequence[Word]) -> Word:
    start, end = min(word.start for word in words), max(word.end for word in words)
    return Word(start=start, end=end, text=placeholder(span), speaker=words[0].speaker, channel=words[0].channel)


def is_stand_in(word: Word, said: Collection[int]) -> bool:
    """Whether a word is a placeholder: one of ours, or one that the words came with.

    Args:
        word: of those that are left.
        said: `id` of each word that was said.
    """
    return (GIVEN if id(word) in said else PLACEHOLDER).fullmatch(word.text) is not None

"""Words without what is private: a placeholder for each span, `<PHONE-1>`, with its times.

Numbers are those of one recording: the key that pseudonyms need never reaches a worker, and what leaves must not be
joined with other recordings by the numbers that are said in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from librarian import Span, Word
from librarian_redaction.stretches import touched

_PLACEHOLDER = re.compile(r"<[A-Z]{2,16}(?:-\d+)?>")


def placeholder(span: Span) -> str:
    """What stands for a span.

    >>> placeholder(Span(start=1.0, end=2.0, type="PHONE", number=1))
    '<PHONE-1>'
    """
    return f"<{span.type}-{span.number}>" if span.number else f"<{span.type}>"


def redacted(words: Sequence[Word], spans: Sequence[Span]) -> tuple[list[Word], int]:
    """The words with placeholders, and how many were replaced.

    Args:
        words: in the order in which they are said.
        spans: what is private, by start.
    """
    gone: dict[int, int] = {}
    for number, span in enumerate(spans):
        for index in touched(words, [(span.start, span.end)]):
            gone.setdefault(index, number)
    made: list[Word] = []
    said: set[tuple[int, int | None, int | None]] = set()
    for index, word in enumerate(words):
        if index not in gone:
            made.append(word)
            continue
        place = gone[index], word.channel, word.speaker
        if place not in said:  # each speaker's part of a span is one placeholder
            said.add(place)
            mine = [words[i] for i, number in gone.items() if (number, words[i].channel, words[i].speaker) == place]
            made.append(_stand_in(spans[gone[index]], mine))
    return made, len(gone)


def _stand_in(span: Span, words: Sequence[Word]) -> Word:
    first = words[0]
    start, end = min(word.start for word in words), max(word.end for word in words)
    return Word(start=start, end=end, text=placeholder(span), speaker=first.speaker, channel=first.channel)


def is_stand_in(word: Word) -> bool:
    """Whether a word is a placeholder."""
    return _PLACEHOLDER.fullmatch(word.text) is not None

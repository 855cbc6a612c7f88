"""Words with times, as a transcript has them: which of them name someone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from librarian.privacy.spans import Span


class WordSpan(NamedTuple):
    """Words in a row that name someone.

    Args:
        first: index of the first word.
        end: index after the last word.
        type: `PHONE`, `NAME` …
        canonical: one form for all spellings of the value; as private as the words.
    """

    first: int
    end: int
    type: str
    canonical: str


def spans_of_words(words: Sequence[str], find: Callable[[str], Iterable[Span]]) -> list[WordSpan]:
    """The words that are touched by what is found in the text that they make, in order.

    A word is named as a whole though only a part of it was found, so that it can be silenced by its times.

    Args:
        words: as spoken, with or without punctuation and spaces of their own; any number.
        find: what finds spans in a text, such as `Scrubber.hits`.
    """
    bare = [word.strip() for word in words]
    starts = list(accumulate((len(word) + 1 for word in bare), initial=0))[:-1]
    found = find(" ".join(bare))
    return [
        WordSpan(max(0, bisect_right(starts, span.start) - 1), bisect_left(starts, span.end), span.type, span.canonical)
        for span in found
    ]

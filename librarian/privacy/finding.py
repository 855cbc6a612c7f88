"""What of a text names someone, for extensions: the same layers that keep names out of records.

    find = PrivateFinder(names=["Oliver Hartman"], allow=["Victoria Station"])
    for hit in find("Call Anna Silva on 555 0148 822"):
        ...                                # (5, 15, "NAME", …), (19, 31, "PHONE", …)

It knows names, numbers and addresses by their shape or by the words before them, also where they are said in words
(English, German, French, Spanish), the names of people of the list that ships, and what it is told. What it finds is
told apart by a `canonical` form, which is as private as the text: there is no key here, and there are no pseudonyms.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from librarian.privacy.names import names_at
from librarian.privacy.recognizers import Level
from librarian.privacy.scrub import Scrubber
from librarian.privacy.spans import Span
from librarian.privacy.words import WordSpan, spans_of_words

More = Callable[[str], Iterable[tuple[int, int, Any]]]
"""A text → where names stand in it, such as a `librarian.models.names.NameFinder`."""


class PrivateFinder:
    """Finds what names someone, built once and used for many texts.

    Args:
        level: `strict`, or `balanced`: only what is checked or has a word such as `Tel.` before it, no listed names.
        names: known values: names of people, numbers, addresses; found in every spelling, and by their parts.
        allow: words that name no one.
        more: what finds names beside it.
    """

    def __init__(
        self,
        *,
        level: Level = "strict",
        names: Iterable[str] = (),
        allow: Iterable[str] = (),
        more: More | None = None,
    ) -> None:
        # Its pseudonyms are never made, so that the key is of no meaning.
        self._scrubber = Scrubber(os.urandom(16), exempt=allow, level=level, names=names_at(level))
        self._scrubber.learn(names)
        self._more = more

    def __call__(self, text: str) -> list[Span]:
        """What is found, in order and without overlaps: (start, end, type, canonical).

        Raises:
            RefusedError: the text could not be searched. It says nothing of the text.
        """
        found = self._more(text) if self._more else ()
        return self._scrubber.hits(text, names=[(start, end) for start, end, _ in found])

    def in_words(self, words: Sequence[str]) -> list[WordSpan]:
        """The same of words in a row, each named as a whole: (first, end, type, canonical), as indices of words.

        Raises:
            RefusedError: they could not be searched.
        """
        return spans_of_words(words, self)

"""Phrases: a great many folded words and word sequences, found in folded text where they stand on word edges.

A text falls into atoms: runs of letters, runs of digits, and single letters of the scripts that set no space between
words, each with the space before it. What begins and ends on word edges is a sequence of whole atoms. So of a phrase no
more is kept than its first characters, in an automaton (Aho-Corasick) that says where it is worth to look, and 64-bit
hashes of the whole and of some of its beginnings. Two texts of one hash would be taken for each other: too much would
be found, never too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import ahocorasick

# Scripts that set no space between words, or hang endings on a name.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3040-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_ATOM = re.compile(rf" ?(?:[^\W\d_{UNSPACED}]+|\d+|.)", re.DOTALL)
_INSIDE_WORD = re.compile(rf"[^\W\d_{UNSPACED}]{{2}}|\d\d")
_HEAD = 6
"""Characters of a phrase that the automaton looks for."""
MOST_HEADS = 1_000_000
"""Places in one text at which it is looked whether a phrase begins there."""
BEYOND = -1
"""The end of what begins where there are too many: all that is left."""


class Phrases:
    """A set of phrases, empty at first."""

    def __init__(self) -> None:
        self._whole: set[int] = set()
        self._begun: set[int] = set()
        self._longest = 0
        self._heads = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)

    def __bool__(self) -> bool:
        return bool(self._whole)

    def add(self, phrase: str) -> bool:
        """Add a phrase: folded, not empty, no space at its ends. False where it is there already."""
        key = hash(phrase)
        if key in self._whole:
            return False
        self._whole.add(key)
        if (length := len(phrase)) > self._longest:
            self._longest = length
        self._heads.add_word(phrase[:_HEAD])
        if phrase.isascii() and (phrase.isalpha() or phrase.isdigit()):
            return True
        ends = [match.end() for match in _ATOM.finditer(phrase)]
        count = 1
        while count < len(ends):
            self._begun.add(hash(phrase[: ends[count - 1]]))
            count *= 2
        return True

    def find(self, folded: str, until: int) -> Iterator[tuple[int, int]]:
        """Where phrases stand, all that begin before `until`; after too many places the last is (start, BEYOND)."""
        if not self._whole:
            return
        if self._heads.kind != ahocorasick.AHOCORASICK:
            self._heads.make_automaton()
        for number, (last, length) in enumerate(self._heads.iter(folded)):
            start = last - length + 1
            if last - _HEAD >= until:
                return
            if number == MOST_HEADS:
                yield start, BEYOND
                return
            if start and folded[start - 1] != " " and _INSIDE_WORD.match(folded, start - 1):
                continue
            if length == _HEAD:
                for end in self._ends(folded, start):
                    yield start, end
            elif not _INSIDE_WORD.match(folded, last):
                yield start, last + 1

    def _ends(self, folded: str, start: int) -> list[int]:
        """The ends of the phrases that begin at `start` with a head: atom by atom, as long as one begins so."""
        ends: list[int] = []
        end, count, checked, limit = start, 0, 1, start + self._longest
        while (atom := _ATOM.match(folded, end, limit + 1)) and (end := atom.end()) <= limit:
            phrase = hash(folded[start:end])
            if phrase in self._whole and end - start >= _HEAD:
                ends.append(end)
            # Beginnings of 1, 2, 4, 8 … atoms are kept: at most twice as far as need be is read on.
            count += 1
            if count == checked:
                if phrase not in self._begun:
                    break
                checked *= 2
        return ends

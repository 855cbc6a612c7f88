"""Names of people that nobody listed: two names side by side, and names that are no other word.

The list ships with librarian (`data/`). It is read when a text is first searched, letter by letter: a run that looks at
a few words of its job file need not take in fifty thousand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import ahocorasick

from librarian.privacy.folding import bare
from librarian.privacy.lexicon import GENERIC
from librarian.privacy.recognizers import MOST_HITS, Level
from librarian.privacy.spans import Span, withheld

LIST = Path(__file__).parent / "data" / "names.txt"
PARTICLES = frozenset(
    "van von de der den del della di da do dos das du des la le el al bin ben ibn ter ten zu zum af av y i e".split()
)
UNSPACED_NAME = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_UNSPACED_RUN = re.compile("[\u3400-\u9fff]{3,}|[\uac00-\ud7a3]{3,}")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_NEXT = re.compile(r"(?:[ _.\-]|, | - )([^\W\d_]+)")
_BEFORE = re.compile(r"([^\W\d_]+)(?:[ _.\-]|, | - )\Z")
_CAMEL = re.compile(r"(?<![^\W\d_])[^\W\d_]*[^\W\d_A-Z][A-Z][^\W\d_]*")
_RAISED_WITHIN = re.compile(r"[A-Z](?<=[^\W\d_A-Z].)")
"""A capital letter behind a small one: every name that is written as one has it, and to look for it costs little."""
_CAMEL_PART = re.compile(r"[^\W\d_][^\W\d_A-Z]*")
_REACH = 40
_SHORTEST, _SHORTEST_LOWER, _SHORTEST_UPPER = 3, 4, 5
_MOST_PARTICLES = 3
_MOST_LAST = 3
"""Words of a name behind the first that is listed."""
_UNSPACED_LEAST = 3


class _Word(NamedTuple):
    """A word of a text, and what it looks like."""

    start: int
    end: int
    text: str
    folded: str

    @property
    def raised(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[0].isupper() or self.text[0].istitle()


class _Kinds(dict[str, dict[str, str]]):
    """First letter → word → the section that has it.

    Args:
        sections: title → its words, each in a line of its own, in their order.
    """

    def __init__(self, sections: Mapping[str, bytes]) -> None:
        self._sections = sections

    def __missing__(self, letter: str) -> dict[str, str]:
        kinds = self[letter] = {}
        for title in ("listed", "popular") if letter else ():
            kinds |= dict.fromkeys(self._beginning(self._sections[title], letter), title)
        return kinds

    @staticmethod
    def _beginning(words: bytes, letter: str) -> list[str]:
        """The words that begin with a letter: they stand together."""
        line = b"\n" + letter.encode()
        start, last = words.find(line), words.rfind(line)
        return words[start + 1 : words.find(b"\n", last + 1)].decode().split("\n") if start >= 0 else []


class NameList:
    """Words of names, and where they stand in a text as somebody's name.

    Args:
        path: the list: sections of folded words.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _sections(self) -> dict[str, bytes]:
        parts = (part.partition(b"]") for part in self._path.read_bytes().split(b"\n[")[1:])
        return {title.decode(): words + b"\n" for title, _, words in parts}

    @cached_property
    def _kinds(self) -> _Kinds:
        return _Kinds(self._sections)

    def _kind(self, word: str) -> str:
        """The section that has a word; empty where none has it."""
        return self._kinds[word[:1]].get(word, "")

    @cached_property
    def _of_unspaced(self) -> tuple[frozenset[str], frozenset[str]]:
        """Last names in scripts that set no space, and all names in them."""
        last, every = (self._sections[title].decode().split() for title in ("unspaced last", "unspaced"))
        return frozenset(last), frozenset(every)

    def find(self, text: str, folded: str, back: Callable[[int], int], until: int) -> list[Span]:
        """The names that begin before `until`; where there are too many, the rest of the text is one span.

        Args:
            text: the text.
            folded: the text as `folding.fold` makes it.
            back: the way back, as from `folding.fold`.
            until: as said.
        """
        spans: list[Span] = []
        end = 0
        for number, (first, last) in enumerate(self._listed(folded)):
            start = back(first)
            if start >= until:
                break
            if number == MOST_HITS:
                spans.append(withheld(text, start))
                break
            if start >= end and (span := self._around(text, start, back(last))):
                spans.append(span)
                end = span.end
        spans += self._joined(text, until)
        if not text.isascii():
            spans += self._unspaced(text, until)
        return spans

    def _listed(self, folded: str) -> Iterator[tuple[int, int]]:
        """Where words of the list stand in folded text."""
        kinds = self._kinds
        here = {word for word in set(_LETTERS.findall(folded)) if word in kinds[word[0]]}
        if not here:
            return
        automaton = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)
        for word in here:
            automaton.add_word(word)
        automaton.make_automaton()
        for last, length in automaton.iter(folded):
            start, end = last - length + 1, last + 1
            if not folded[start - 1 : start].isalpha() and not folded[end : end + 1].isalpha():
                yield start, end

    def _around(self, text: str, start: int, end: int) -> Span | None:
        """The name that a word of the list is part of."""
        word = _word(text, start, end)
        after, before = _after(text, end), _before(text, start)
        first = last = word
        if before and self._goes_with(text, before, word):
            first = before
        for _ in range(_MOST_LAST):
            if not after or not self._goes_with(text, after, word):
                break
            last = word = after
            after = _after(text, last.end)
        if first is last and not self._stands_alone(word):
            return None
        return _name(text, first.start, last.end)

    def _goes_with(self, text: str, other: _Word, word: _Word) -> bool:
        """Whether a word beside one of the list belongs to the same name."""
        if other.folded in GENERIC or len(other.folded) < _SHORTEST:
            return False
        if self._kind(other.folded):
            return True
        if word.raised and other.raised:
            return word.text.isupper() == other.text.isupper()
        return self._kind(word.folded) == "popular" and _is_joined(text, word, other)

    def _stands_alone(self, word: _Word) -> bool:
        """Whether a word is somebody's name by itself."""
        if word.text.isupper():
            return len(word.folded) >= _SHORTEST_UPPER
        return word.raised or (self._kind(word.folded) == "popular" and len(word.folded) >= _SHORTEST_LOWER)

    def _joined(self, text: str, until: int) -> Iterator[Span]:
        """Names written as one: AnnaSmith."""
        looked_at: dict[str, bool] = {}
        if not _RAISED_WITHIN.search(text, 0, until):
            return
        for match in _CAMEL.finditer(text, 0, until):
            word = match[0]
            if word not in looked_at:
                looked_at[word] = self._is_joined_name(word)
            if looked_at[word]:
                yield _name(text, *match.span())

    def _is_joined_name(self, word: str) -> bool:
        """Whether a word is made of two words of the list or more."""
        return sum(map(bool, map(self._kind, map(bare, _CAMEL_PART.findall(word))))) > 1

    def _unspaced(self, text: str, until: int) -> Iterator[Span]:
        """Names in scripts that set no space: the last name, then another."""
        lasts, names = self._of_unspaced
        for run in _UNSPACED_RUN.finditer(text, 0, until):
            place = run.start()
            while place < run.end():
                sizes = ((one, two) for one in (2, 1) for two in (2, 1) if one + two >= _UNSPACED_LEAST)
                for one, two in sizes:
                    middle, end = place + one, place + one + two
                    if end <= run.end() and text[place:middle] in lasts and text[middle:end] in names:
                        yield _name(text, place, end)
                        place = end - 1
                        break
                place += 1


def _word(text: str, start: int, end: int) -> _Word:
    return _Word(start, end, text[start:end], bare(text[start:end]))


def _is_joined(text: str, one: _Word, other: _Word) -> bool:
    """Whether two words stand as in the name of a file: anna_smith."""
    first, second = sorted((one, other))
    return text[first.end : second.start] in ("-", "_", ".")


def _after(text: str, end: int) -> _Word | None:
    """The word behind, particles of names passed over."""
    for _ in range(_MOST_PARTICLES):
        match = _NEXT.match(text, end)
        if not match:
            return None
        word = _word(text, *match.span(1))
        if word.folded not in PARTICLES:
            return word
        end = word.end
    return None


def _before(text: str, start: int) -> _Word | None:
    """The word before."""
    offset = max(0, start - _REACH)
    match = _BEFORE.search(text[offset:start])
    return _word(text, offset + match.start(1), offset + match.end(1)) if match else None


def _name(text: str, start: int, end: int) -> Span:
    return Span(start, end, "NAME", bare(text[start:end]).replace(" ", ""))


@cache
def common_names() -> NameList:
    """The list that ships with librarian."""
    return NameList(LIST)


def names_at(level: Level) -> NameList | None:
    """The list that is used at a level."""
    return common_names() if level == "strict" else None

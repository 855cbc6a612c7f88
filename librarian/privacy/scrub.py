"""The scrubber: every text that is written or shown passes here, and comes out naming no one.

What was seen outside (file names, folders, the user) is learnt and found again in every spelling; what has
the shape of personal data is found by the recognizers. Both become keyed pseudonyms. On any failure, nothing
comes out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Self

from librarian.errors import RefusedError
from librarian.privacy.exempt import Exempt, Range, spared
from librarian.privacy.folding import fold, narrowed, spellings, unescaped
from librarian.privacy.lexicon import Lexicon
from librarian.privacy.names import NameList
from librarian.privacy.ordinary import record_words
from librarian.privacy.pseudonyms import Pseudonyms
from librarian.privacy.recognizers import Level, Recognizer
from librarian.privacy.search import NOTHING, search_at
from librarian.privacy.spans import Span, merge, withheld
from librarian.privacy.view import Characters

LONGEST = 2000
"""Characters of a scrubbed text, unless its caller says otherwise."""

_REMEMBERED = 1024
"""Pseudonyms that are not computed again."""
_TORN = re.compile(r"<[A-Z]*(?::[a-z2-7]{0,8})?\Z")
_BEYOND_CHANCE = 8
"""Characters of a known value that do not occur within an id or a digest by chance."""


def _harmless_character(char: str) -> str:
    """The character, if it is printable; otherwise a space or a question mark."""
    if char.isprintable():
        return char
    return " " if char.isspace() else "?"


_HARMLESS = Characters(_harmless_character)
_HARMLESS_OR_TAB = Characters(lambda char: char if char == "\t" else _harmless_character(char))


class ScrubError(RefusedError):
    """A text could not be scrubbed, so nothing of it is written or shown."""


class Scrubbed(str):
    """A text that the scrubber made: the only kind that records, events and messages accept.

    As a pydantic field it takes nothing else in Python. JSON is what was written before, and is taken so.
    """

    __slots__ = ()

    def __new__(cls, *_: object) -> Self:
        """Refuse.

        Raises:
            TypeError: always; `Scrubber.scrub` makes these.
        """
        raise TypeError("only the scrubber makes scrubbed text")

    def __reduce__(self) -> tuple[Any, ...]:
        return _seal, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Instances only; a string in JSON."""
        from pydantic_core import core_schema

        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(_seal, core_schema.str_schema()),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.to_string_ser_schema(),
        )


def _seal(text: str) -> Scrubbed:
    return str.__new__(Scrubbed, text)


def _canonical(name: str) -> str:
    """The one form that stands for all spellings of a name, as known values have it."""
    return spellings(name)[0].replace(" ", "")


def _as_names(text: str, ranges: Sequence[Range]) -> list[Span]:
    return [Span(start, end, "NAME", _canonical(text[start:end])) for start, end in ranges]


def _not_by_chance(text: str, known: list[Span]) -> list[Span]:
    """Known values but for short ones within an id or a digest."""
    if all(span.end - span.start >= _BEYOND_CHANCE for span in known):
        return known
    words = record_words(text)
    starts = [start for start, _ in words]

    def by_chance(span: Span) -> bool:
        word = bisect_right(starts, span.start) - 1
        return word >= 0 and span.end <= words[word][1] and span.end - span.start < _BEYOND_CHANCE

    return [span for span in known if not by_chance(span)]


class Scrubber:
    """Replaces what names someone by keyed pseudonyms.

    Args:
        key: the project's pseudonym key, not empty.
        exempt: words that the owner chose and that were checked (names of jobs and steps, labels): not learnt as
            part of a file name, and left as they are in texts.
        level: what is looked for; `off` leaves everything but secrets.
        names: names of people that nobody listed, looked for too.
        more: what extensions look for.

    Attributes:
        counts: type → how many were replaced so far.

    Raises:
        ValueError: the key is empty.
    """

    def __init__(
        self,
        key: bytes,
        *,
        exempt: Iterable[str] = (),
        level: Level = "strict",
        names: NameList | None = None,
        more: tuple[Recognizer, ...] = (),
    ) -> None:
        if not key:
            raise ValueError("a scrubber needs a key")
        self.counts: Counter[str] = Counter()
        self._pseudonym = lru_cache(_REMEMBERED)(Pseudonyms(key))
        self._exempt = Exempt(exempt)
        self._lexicon = Lexicon(self._exempt)
        self._search = search_at(level, more)
        self._off = level == "off"
        self._names = names

    def learn(self, values: Iterable[str]) -> None:
        """Add known values: each as a whole and by its parts, folder by folder where it is a path.

        They are taken now, and read when a text is first scrubbed.

        Raises:
            ScrubError: one of them is no text, or they could not be taken.
        """
        try:
            self._lexicon.add(() if self._off else values)
            return
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a name could not be learnt for scrubbing ({cause})")

    def know_only(self) -> None:
        """Look for known values alone from now on, and for nothing by its shape."""
        self._search = NOTHING

    def learn_secrets(self, values: Iterable[str]) -> None:
        """Add known values that count as a whole only: a passphrase is made of ordinary words.

        Raises:
            ScrubError: one of them is no text, or they could not be taken.
        """
        try:
            self._lexicon.add_secrets(values)
            return
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a secret could not be learnt for scrubbing ({cause})")

    def scrub(
        self, text: str, *, limit: int | None = LONGEST, keep_tabs: bool = False, names: Sequence[Range] = ()
    ) -> Scrubbed:
        """The text with pseudonyms for what names someone, harmless to a terminal and on one line.

        Args:
            text: any text, lone surrogates included.
            limit: characters to keep at most, from 1; None keeps all. The cut is made after scrubbing.
            keep_tabs: whether tabs stay; they are spaces otherwise.
            names: stretches that somebody else found to be names, such as a model; for texts that are not cut, and have
                no UTF-16 in them (`folding.narrowed`).

        Raises:
            ScrubError: anything went wrong. It says nothing of the text.
        """
        try:
            more = _as_names(text, names)
            harmless = _HARMLESS_OR_TAB if keep_tabs else _HARMLESS
            return _seal(self._scrubbed(text if more else narrowed(text), limit, harmless, more))
        except Exception as error:
            cause = type(error).__name__
        # Raised out here so that neither cause nor context leads back to the text.
        raise ScrubError(f"a text could not be scrubbed ({cause}); nothing of it was written")

    def hits(self, text: str, *, names: Sequence[Range] = ()) -> list[Span]:
        """What of a text would be replaced, in order.

        Args:
            text: any text.
            names: stretches that somebody else found to be names, such as a model.

        Raises:
            ScrubError: anything went wrong.
        """
        try:
            return self._spans(text, text.translate(_HARMLESS), len(text), _as_names(text, names))
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a text could not be checked ({cause})")

    def stand_ins(self, text: str) -> list[tuple[str, str]]:
        """What of a text would be replaced, in order: the pseudonym, and what it stands for there.

        Raises:
            ScrubError: anything went wrong.
        """
        return [(self._pseudonym(each.type, each.canonical), text[each.start : each.end]) for each in self.hits(text)]

    def _spans(self, text: str, shown: str, until: int, more: Sequence[Span]) -> list[Span]:
        spans = [*self._search.find(text, until), *more]
        if self._lexicon or self._names:
            known, listed = self._named(text, shown, until)
            spans = [*_not_by_chance(text, known), *spans, *_not_by_chance(text, listed)]
        return merge(spared(text, spans, self._exempt.ranges(text))) if spans else spans

    def _named(self, text: str, shown: str, until: int) -> tuple[list[Span], list[Span]]:
        """Known values and names that a list has."""
        # An invisible character may part two names or stand within one: the text is read both ways.
        decoded, read = unescaped(text)
        views = [text, *decoded] if shown == text else [text, shown, *decoded]
        known: list[Span] = []
        listed: list[Span] = []
        for view in views:
            folded, back = fold(view)
            known += self._lexicon.find(view, folded, back, until)
            if self._names:
                listed += self._names.find(view, folded, back, until)
        if read < min(until, len(text)):
            known.append(withheld(text, read))
        return known, listed

    def _replaced(self, text: str, until: int, harmless: Characters, more: Sequence[Span]) -> str:
        """The scrubbed text of what begins before `until`."""
        shown = text if text.isprintable() else text.translate(harmless)
        pieces, last = [], 0
        for span in self._spans(text, shown, until, more):
            if span.start >= until:
                break
            pieces += [shown[last : span.start], self._pseudonym(span.type, span.canonical)]
            last = span.end
            self.counts[span.type] += 1
        return "".join([*pieces, shown[last:until]])

    def _scrubbed(self, text: str, limit: int | None, harmless: Characters, more: Sequence[Span]) -> str:
        """The scrubbed text, cut. Of a long text no more is replaced than is kept; all of it is searched."""
        if text == "":  # nothing can stand in it: what is known need not be read for it
            return ""
        if limit is None:
            return self._replaced(text, len(text), harmless, more)
        if limit < 1:
            raise ValueError(limit)
        # What pseudonyms shorten so much is rare; what there can be in a text is bounded.
        scrubbed = self._replaced(text, min(4 * limit, len(text)), harmless, more)
        if len(scrubbed) <= limit and 4 * limit < len(text):
            scrubbed = self._replaced(text, len(text), harmless, more)
        if len(scrubbed) <= limit:
            return scrubbed
        return _TORN.sub("", scrubbed[: limit - 1]) + "…"

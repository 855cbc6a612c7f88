"""Where it is said: transcripts that hold all that a query asks for, and the places in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from librarian.find.index import WordIndex
from librarian.find.query import Phrase, Query, Speaker
from librarian.find.transcript import MILLISECONDS, Channel

AROUND = 8
"""Words that are shown before a place, and behind it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a transcript, or several that are so near that they share the words around them.

    Attributes:
        artifact: the transcript.
        language: its language, a BCP 47 tag.
        start, end: of the words that were looked for (s); None where none were, only transcripts without some.
        speaker: who says the first of them, from 1; None where nobody is known.
        channel: from 0; None where there is one for all.
        words: those that were looked for and those around them; none where nobody wants to see them.
        sought: the numbers in `words` of those that were looked for.
    """

    artifact: str
    language: str
    start: float | None = None
    end: float | None = None
    speaker: int | None = None
    channel: int | None = None
    words: tuple[str, ...] = ()
    sought: frozenset[int] = frozenset()


def search(words: WordIndex, query: Query, order: Sequence[str], *, with_text: bool) -> Iterator[Hit]:
    """The hits, transcript by transcript, in each by time.

    Args:
        words: the index, up to date.
        query: what is looked for.
        order: the transcripts that may be looked through, in the order in which they are wanted.
        with_text: whether the words around a place are wanted.
    """
    held, languages = words.held(), words.languages()
    fitting = _holding_all(words, query)
    for artifact in order:
        number = held.get(artifact, (-1, ""))[0]
        language = languages.get(number)
        if language is None or (fitting is not None and number not in fitting) or not _speaks(query, language):
            continue
        if not query.phrases:
            yield Hit(artifact, language)
        elif found := _hits(list(words.channels(number)), query):
            yield from (_hit(artifact, language, *each, with_text) for each in found)


def _holding_all(words: WordIndex, query: Query) -> set[int] | None:
    """The transcripts that hold every phrase and none of the unwanted; None where all do."""
    fitting = None
    for phrase in query.phrases:
        holding = words.holding(expression(phrase))
        fitting = holding if fitting is None else fitting & holding
    for phrase in query.unwanted:
        everything = set(words.languages()) if fitting is None else fitting
        fitting = everything - words.holding(expression(phrase))
    return fitting


def expression(phrase: Phrase) -> str:
    """A phrase for FTS5: tokens are letters and digits, between quotes nothing of its language is left."""
    return f'"{" ".join(phrase.tokens)}"{" *" if phrase.begins else ""}'


def _speaks(query: Query, language: str) -> bool:
    tag = language.casefold()
    return all(
        (fnmatchcase(tag, each.pattern) or fnmatchcase(tag, f"{each.pattern}-*")) is not each.excluded
        for each in query.words("lang")
    )


def _hits(channels: Sequence[Channel], query: Query) -> list[tuple[Channel, list[tuple[int, int]]]]:
    """Places that are near each other, by time; nothing where a phrase is said by none of the speakers asked for."""
    found: dict[int, set[tuple[int, int]]] = {number: set() for number in range(len(channels))}
    for phrase in query.phrases:
        places = {
            (number, place)
            for number, channel in enumerate(channels)
            for place in channel.places(phrase)
            if _is_by(query.speakers, channel.speakers[place[0]])
        }
        if not places:
            return []
        for number, place in places:
            found[number].add(place)
    hits = [(channels[number], near) for number, places in found.items() for near in _near(sorted(places))]
    return sorted(hits, key=lambda hit: hit[0].starts[hit[1][0][0]])


def _is_by(speakers: Sequence[Speaker], speaker: int | None) -> bool:
    return all((speaker == each.number) is not each.excluded for each in speakers)


def _near(places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Places of which one's words around it reach the next."""
    together: list[tuple[int, int]] = []
    for place in places:
        if together and place[0] > together[-1][1] + AROUND:
            yield together
            together = []
        together.append(place)
    if together:
        yield together


def _hit(artifact: str, language: str, channel: Channel, places: Sequence[tuple[int, int]], with_text: bool) -> Hit:
    first, last = places[0][0], max(end for _, end in places)
    when = channel.starts[first] / MILLISECONDS, channel.ends[last] / MILLISECONDS
    found = Hit(artifact, language, *when, channel.speakers[first], channel.number)
    if not with_text:
        return found
    begin = max(0, first - AROUND)
    sought = frozenset(number - begin for start, end in places for number in range(start, end + 1))
    return replace(found, words=channel.words[begin : last + AROUND + 1], sought=sought)

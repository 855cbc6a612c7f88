"""From tokens to words: where one ends and the next begins, when it was said, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from librarian_transcription.languages import UNSPACED
from librarian_transcription.recognizer import Token
from librarian_transcription.spelling import MARK


@dataclass(frozen=True)
class Spoken:
    """A word, with times in seconds."""

    text: str
    start: float
    end: float
    confidence: float


def words_of(tokens: Sequence[Token], spell: Callable[[Sequence[int]], str], language: str) -> list[Spoken]:
    """The words that tokens spell.

    Words are what stands between spaces, punctuation included; in languages that are written without them, the
    smallest groups of tokens that make whole letters. A word begins with its first token, ends with its last, and its
    confidence is the mean of theirs.

    Args:
        tokens: in order.
        spell: gives the text of tokens by their ids.
        language: BCP 47 tag.
    """
    text = spell([token.id for token in tokens])
    places = list(_places(tokens, spell, len(text)))
    if language.partition("-")[0] in UNSPACED:
        spans = [place for place in dict.fromkeys(places) if place[1] > place[0]]
    else:
        spans = [found.span() for found in re.finditer(r"\S+", text)]
    found = []
    first = 0
    for start, end in spans:
        while first < len(tokens) and places[first][1] <= start:
            first += 1
        inside = [tokens[each] for each in range(first, len(tokens)) if places[each][0] < end]
        if inside and text[start:end].strip():
            sure = sum(token.confidence for token in inside) / len(inside)
            found.append(Spoken(text[start:end].strip(), inside[0].start, inside[-1].end, min(1.0, sure)))
    return found


def _places(tokens: Sequence[Token], spell: Callable[[Sequence[int]], str], whole: int) -> Iterator[tuple[int, int]]:
    """For each token where its text begins and ends; of parts of a letter, where that letter does."""
    begin, waiting = 0, 0
    for count in range(1, len(tokens) + 1):
        text = spell([token.id for token in tokens[:count]])
        waiting += 1
        if count == len(tokens) or not text.endswith(MARK):
            end = whole if count == len(tokens) else min(whole, len(text))
            yield from [(begin, end)] * waiting
            begin, waiting = end, 0


def in_order(words: Sequence[Spoken], start: float, end: float) -> list[Spoken]:
    """Words within a stretch of sound, none of which begins before the one before it has ended.

    Args:
        words: with times from the start of the stretch (s).
        start: of the stretch in the recording (s).
        end: of the stretch in the recording, behind which nothing lies (s).
    """
    found: list[Spoken] = []
    last = start
    for number, word in enumerate(words):
        following = words[number + 1].start + start if number + 1 < len(words) else end
        begins = min(max(last, word.start + start), end)
        ends = min(max(begins, min(word.end + start, max(begins, following))), end)
        found.append(Spoken(word.text, begins, ends, word.confidence))
        last = ends
    return found

"""A transcript as it is looked through: what was said on each channel, read from a result of kind `words`."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.files import open_regular
from librarian.find.query import Phrase
from librarian.find.tokens import tokens
from librarian.keys import IdKey
from librarian.manifest.holdings import CurrentArtifact

KIND = "words/1"
LONGEST = 1 << 26
"""Bytes of a file: more than anybody says in a week."""
MILLISECONDS = 1000


class UnreadableError(Exception):
    """The file is not there, or not what was recorded."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What was said on one channel, word by word, by start.

    Attributes:
        number: of the channel, from 0; None where there is one for all.
        words: as they are written.
        starts, ends: ms from the beginning of the sound.
        speakers: their numbers, from 1; None where nobody is known.
    """

    number: int | None
    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    speakers: tuple[int | None, ...]

    @property
    def tokens(self) -> str:
        """Its tokens, with a space between two."""
        return " ".join(each for word in self.words for each in tokens(word))

    def places(self, phrase: Phrase) -> Iterator[tuple[int, int]]:
        """Where a phrase is said: the numbers of its first word and of its last."""
        *firsts, last = phrase.tokens
        cut = [(token, number) for number, word in enumerate(self.words) for token in tokens(word)]
        for at in range(len(cut) - len(firsts)):
            end = cut[at + len(firsts)]
            fits = end[0].startswith(last) if phrase.begins else end[0] == last
            if fits and all(cut[at + behind][0] == each for behind, each in enumerate(firsts)):
                yield cut[at][1], end[1]

    def packed(self) -> bytes:
        """It in few bytes."""
        lengths = [end - start for start, end in zip(self.starts, self.ends, strict=True)]
        fields = [self.number, self.words, _differences(self.starts), lengths, self.speakers]
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return zlib.compress(text.encode(errors="replace"))

    @staticmethod
    def unpacked(content: bytes) -> Channel:
        """From its few bytes.

        Raises:
            zlib.error: they are no such thing.
        """
        number, words, steps, lengths, speakers = json.loads(zlib.decompress(content))
        starts: list[int] = []
        for step in steps:
            starts.append(step + (starts[-1] if starts else 0))
        ends = tuple(start + length for start, length in zip(starts, lengths, strict=True))
        return Channel(number, tuple(words), tuple(starts), ends, tuple(speakers))


def _differences(numbers: tuple[int, ...]) -> list[int]:
    return [number - before for number, before in zip(numbers, (0, *numbers), strict=False)]


@dataclass(frozen=True)
class Transcript:
    """All that was said in a recording."""

    language: str
    channels: tuple[Channel, ...]


def read(made: CurrentArtifact, library: Path, id_key: IdKey) -> Transcript:
    """Read a result, whose content a worker compared with its schema before it was recorded.

    Raises:
        UnreadableError: it is not there, or not what was recorded.
    """
    try:
        if made.bytes > LONGEST:
            raise UnreadableError("larger than any transcript")
        with open(open_regular(library / made.file), "rb") as file:
            content = file.read(made.bytes + 1)
    except OSError:
        raise UnreadableError("not there") from None
    if id_key.content(hashlib.sha256(content).hexdigest(), private=bool(made.private)) != made.digest:
        raise UnreadableError("not what was recorded")
    try:
        return _transcript(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        raise UnreadableError("no transcript") from None


def _transcript(document: dict[str, Any]) -> Transcript:
    channels: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for word in document["words"]:
        channels[word.get("channel")].append(word)
    found = (_channel(number, words) for number, words in channels.items())
    return Transcript(str(document["language"]), tuple(found))


def _channel(number: int | None, words: list[dict[str, Any]]) -> Channel:
    words.sort(key=lambda word: float(word["start"]))
    return Channel(
        number,
        tuple(str(word["text"]) for word in words),
        tuple(round(word["start"] * MILLISECONDS) for word in words),
        tuple(round(word["end"] * MILLISECONDS) for word in words),
        tuple(word.get("speaker") for word in words),
    )

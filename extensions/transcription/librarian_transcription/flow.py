"""Recordings through a model: their pieces in batches across files, cut while a batch is computed. Constant memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from librarian import Task
from librarian.audio.spans import cut
from librarian_transcription.guards import Believed, Limits, decode
from librarian_transcription.hearing import Heard, Piece
from librarian_transcription.recognizer import RATE, Encoded, Recognizer, Samples
from librarian_transcription.sound import blocks
from librarian_transcription.wording import Spoken, in_order, words_of

VOTERS = 4
"""Pieces, from the beginning, by which the language of a recording is found out."""


class Told(NamedTuple):
    """A word of a recording, and its channel."""

    spoken: Spoken
    channel: int | None


@dataclass
class Recording:
    """A recording on its way.

    Attributes:
        task: whose input `audio` it is.
        heard: what the first pass found.
        language: tag; empty until it is found out.
        certainty: of the language, 0 to 1, where it was found out.
        words: as they come, in order within a channel.
        redone: pieces that took more than one attempt.
        doubtful: pieces of which no attempt was believed.
        silent: pieces with text for silence.
    """

    task: Task
    heard: Heard
    language: str
    certainty: float | None = None
    words: list[Told] = field(default_factory=list)
    redone: int = 0
    doubtful: int = 0
    silent: int = 0
    voters: list[Encoded] = field(default_factory=list, repr=False)
    done: int = 0

    def take(self, piece: Piece, believed: Believed, words: Sequence[Spoken]) -> None:
        """Take what came of its next piece."""
        self.words += [Told(word, piece.channel) for word in words]
        self.redone += believed.attempts > 1
        self.doubtful += believed.doubtful
        self.silent += believed.silent
        self.done += 1
        self.task.progress(self.done / len(self.heard.pieces))


class Waiting(NamedTuple):
    """A piece that is encoded and not yet decoded."""

    recording: Recording
    piece: Piece
    encoded: Encoded


class Batches:
    """Pieces, of one recording or several, that go through a model together.

    Args:
        recognizer: the model.
        limits: what is believed of it.
        size: pieces at once, at the most.
    """

    def __init__(self, recognizer: Recognizer, limits: Limits, size: int) -> None:
        self._recognizer, self._limits, self._size = recognizer, limits, size
        self._waiting: list[Waiting] = []

    def run(self, recordings: Sequence[Recording]) -> None:
        """Bring recordings through the model; the end of one and the next share a batch."""
        with closing(_ahead(_pieces(recordings))) as coming:
            while batch := list(islice(coming, self._size)):
                self._encode(batch)
                self._decode(self._size)
        self._decode(1)

    def _encode(self, batch: Sequence[tuple[Recording, Piece, Samples]]) -> None:
        encoded = self._recognizer.encode([samples for _, _, samples in batch])
        for (recording, piece, _), each in zip(batch, encoded, strict=True):
            self._waiting.append(Waiting(recording, piece, each))
            if not recording.language:
                self._vote(recording, each)

    def _vote(self, recording: Recording, encoded: Encoded) -> None:
        """Find out a language by the first pieces: those, whatever else is in the batch."""
        recording.voters.append(encoded)
        if len(recording.voters) < min(VOTERS, len(recording.heard.pieces)):
            return
        shares: defaultdict[str, float] = defaultdict(float)
        for voter in recording.voters:
            for language, share in self._recognizer.languages_of([voter])[0].items():
                shares[language] += share * voter.seconds
        recording.language, greatest = max(shares.items(), key=lambda each: (each[1], each[0]))
        recording.certainty = greatest / sum(shares.values())
        recording.voters.clear()

    def _decode(self, least: int) -> None:
        """Decode what can be, as long as there is so much of it."""
        while len(ready := [each for each in self._waiting if each.recording.language]) >= least:
            batch = ready[: self._size]
            gone = set(map(id, batch))
            self._waiting = [each for each in self._waiting if id(each) not in gone]
            languages = [each.recording.language for each in batch]
            seeds = [each.recording.task.seed + each.piece.start + (each.piece.channel or 0) for each in batch]
            found = decode(self._recognizer, [each.encoded for each in batch], languages, seeds, self._limits)
            for each, believed in zip(batch, found, strict=True):
                each.recording.take(each.piece, believed, self._words(each, believed))

    def _words(self, each: Waiting, believed: Believed) -> list[Spoken]:
        words = words_of(believed.decoded.tokens, self._recognizer.spell, each.recording.language)
        start = each.piece.start / RATE
        return in_order(words, start, min(each.piece.end, each.recording.heard.frames) / RATE)


Cut = tuple[Recording, Piece, Samples]


def _pieces(recordings: Sequence[Recording]) -> Iterator[Cut]:
    for recording in recordings:
        heard = recording.heard
        spans = [(piece.start, piece.end) for piece in heard.pieces]
        if spans:
            given = blocks(recording.task, mix=not heard.apart)
            for piece, samples in zip(heard.pieces, cut(given, spans), strict=True):
                yield recording, piece, samples[piece.channel or 0].copy()


def _ahead(pieces: Iterator[Cut]) -> Generator[Cut]:
    """The same, the next one decoded, resampled and cut by a thread while one is worked on."""
    with ThreadPoolExecutor(1, "cut") as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece

"""Words in cues: stretches of one speaker that are read at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from librarian import Words
from librarian.kinds import Word
from librarian_transcription.languages import UNSPACED

ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001 (of other scripts)
"""What ends a sentence."""


@dataclass(frozen=True)
class Limits:
    """How far a cue goes.

    Attributes:
        letters: at the most; 0: any number.
        seconds: at the most; 0: any time.
        gap: s of a pause that ends it.
        sentences: whether the end of a sentence ends it, once it is half full.
    """

    gap: float
    letters: int = 0
    seconds: float = 0.0
    sentences: bool = False


@dataclass(frozen=True)
class Cue:
    """Words of one speaker on one channel, one after the other."""

    words: tuple[Word, ...]
    between: str = " "

    @property
    def start(self) -> float:
        """Where it begins (s)."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Where it ends (s)."""
        return max(word.end for word in self.words)

    @property
    def speaker(self) -> int | None:
        """Number of the speaker."""
        return self.words[0].speaker

    @property
    def channel(self) -> int | None:
        """Channel, from 0."""
        return self.words[0].channel

    @property
    def text(self) -> str:
        """What is said."""
        return self.between.join(word.text for word in self.words)


def cues(words: Words, limits: Limits) -> list[Cue]:
    """The cues of a recording, by start: each channel has its own."""
    between = "" if words.language.partition("-")[0] in UNSPACED else " "
    channels = sorted({word.channel for word in words.words}, key=lambda channel: -1 if channel is None else channel)
    found = [
        Cue(part, between)
        for channel in channels
        for part in _parts([word for word in words.words if word.channel == channel], limits, len(between))
    ]
    return sorted(found, key=lambda cue: (cue.start, cue.end, -1 if cue.channel is None else cue.channel))


def _parts(words: Sequence[Word], limits: Limits, between: int) -> Iterator[tuple[Word, ...]]:
    part: list[Word] = []
    for word in words:
        if part and _ends(part, word, limits, between):
            yield tuple(part)
            part = []
        part.append(word)
    if part:
        yield tuple(part)


def _ends(part: Sequence[Word], word: Word, limits: Limits, between: int) -> bool:
    last = part[-1]
    if word.speaker != last.speaker or word.start - last.end > limits.gap:
        return True
    letters = sum(len(each.text) + between for each in part)
    if limits.letters and letters + len(word.text) > limits.letters:
        return True
    if limits.seconds and word.end - part[0].start > limits.seconds:
        return True
    return limits.sentences and letters * 2 >= limits.letters and last.text.endswith(ENDS)

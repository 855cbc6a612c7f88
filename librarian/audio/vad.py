"""Voice activity: from sound to the windows that a model judges, and from its probabilities to stretches of speech.

The model itself belongs to an extension. One such as silero's takes windows of 512 frames at 16 kHz and gives a
probability for each; one such as pyannote's gives them at a hop of its own.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from librarian.audio.arrays import Array, joined, silence
from librarian.audio.overlap import recut


@dataclass(frozen=True, order=True)
class Stretch:
    """Speech from frame `start` up to, and without, frame `end` of the sound."""

    start: int
    end: int


@dataclass(frozen=True)
class Thresholds:
    """What counts as speech. The defaults are those of silero.

    Attributes:
        onset: speech begins at this probability, 0 to 1.
        offset: and ends below this one, no higher than onset.
        shortest_speech: what is shorter is left out (s).
        shortest_silence: what is shorter between speech belongs to it (s).
        pad: added before and after each stretch (s); where two would meet, each gets half of what is between.
        longest_speech: what is longer, with what is added, is cut where speech is least probable in the second half of
            that length (s).

    Raises:
        ValueError: a value is not in its range.
    """

    onset: float = 0.5
    offset: float = 0.35
    shortest_speech: float = 0.25
    shortest_silence: float = 0.1
    pad: float = 0.03
    longest_speech: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.offset <= self.onset <= 1:
            raise ValueError(f"onset {self.onset} and offset {self.offset}: between 0 and 1, the offset no higher")
        if not min(self.shortest_speech, self.shortest_silence, self.pad) >= 0:
            raise ValueError("no duration may be below 0")
        if not self.longest_speech > (least := 2 * (self.shortest_speech + self.pad)):
            raise ValueError(f"the longest speech must be over {least:g} s: twice the shortest with its pads")


def windows(blocks: Iterable[Array], size: int = 512) -> Iterator[Array]:
    """A sound in windows of exactly `size` frames, silence after the last.

    Shape:
        - blocks: `[..., any number of frames]`
        - output: windows `[..., size]`
    """
    for window in recut(blocks, size):
        missing = size - window.shape[-1]
        yield joined([window, silence(missing, window)]) if missing else window


def speech(
    probabilities: Iterable[float],
    rate: int,
    hop: int = 512,
    thresholds: Thresholds = Thresholds(),
    frames: int | None = None,
) -> Iterator[Stretch]:
    """The stretches of speech, in order and apart. Each comes as soon as the next is sure, or all has been heard.

    Onset and offset first; then short silences are bridged; then what is short is left out and what is long is cut;
    then all is padded. What is cut touches, and comes once its end has been heard.
    pyannote's `Binarize` does the same where nothing is padded.

    Args:
        probabilities: one for each `hop` frames, the first for those from 0 on.
        rate: Hz.
        hop: frames.
        thresholds: what counts.
        frames: length of the sound, where it is known: nothing ends behind it.

    >>> list(speech([0.1, 0.9, 0.8, 0.4, 0.2, 0.1], rate=16000, hop=4000, thresholds=Thresholds(pad=0)))
    [Stretch(start=4000, end=16000)]
    """
    heard, cuts = _Heard(probabilities, hop), math.isfinite(thresholds.longest_speech)
    shortest, pad = round(thresholds.shortest_speech * rate), round(thresholds.pad * rate)
    found = _bridged(
        _active(heard if cuts else probabilities, hop, thresholds), round(thresholds.shortest_silence * rate)
    )
    kept: Iterator[Stretch] = (each for each in found if each.end - each.start >= shortest)
    if cuts:
        kept = heard.cut(kept, math.floor(thresholds.longest_speech * rate) - 2 * pad, shortest)
    return _padded(kept, pad, frames)


class _Heard:
    """Probabilities that are remembered as they pass, until the stretch that they belong to is cut.

    Args:
        probabilities: one for each hop.
        hop: frames.
    """

    def __init__(self, probabilities: Iterable[float], hop: int) -> None:
        self._probabilities, self._hop = probabilities, hop
        self._kept, self._first = array("d"), 0

    def __iter__(self) -> Iterator[float]:
        for probability in self._probabilities:
            self._kept.append(probability)
            yield probability

    def cut(self, stretches: Iterable[Stretch], longest: int, shortest: int) -> Iterator[Stretch]:
        """The stretches, those over `longest` frames in parts of no less than `shortest`."""
        for stretch in stretches:
            start = stretch.start
            while stretch.end - start > longest:
                place = self._least(start + longest // 2, min(start + longest, stretch.end - shortest))
                yield Stretch(start, place)
                start = place
            yield Stretch(start, stretch.end)
            self._forget(stretch.end // self._hop)

    def _least(self, low: int, high: int) -> int:
        """Where the least probable window starts, the last of those that are; `high` where none starts in between."""
        first, last = -(-low // self._hop), high // self._hop
        places = range(last, first - 1, -1)
        return min(places, key=lambda place: self._kept[place - self._first]) * self._hop if places else high

    def _forget(self, before: int) -> None:
        del self._kept[: before - self._first]
        self._first = before


def _active(probabilities: Iterable[float], hop: int, thresholds: Thresholds) -> Iterator[Stretch]:
    start: int | None = None
    now = 0
    for probability in probabilities:
        if start is None and probability >= thresholds.onset:
            start = now
        elif start is not None and probability < thresholds.offset:
            yield Stretch(start, now)
            start = None
        now += hop
    if start is not None:
        yield Stretch(start, now)


def _bridged(stretches: Iterable[Stretch], shortest: int) -> Iterator[Stretch]:
    last: Stretch | None = None
    for stretch in stretches:
        if last is None or stretch.start - last.end >= shortest:
            if last is not None:
                yield last
            last = stretch
        else:
            last = Stretch(last.start, stretch.end)
    if last is not None:
        yield last


def _padded(stretches: Iterable[Stretch], pad: int, frames: int | None) -> Iterator[Stretch]:
    start, last = 0, None
    for stretch in stretches:
        if last is None:
            start = max(0, stretch.start - pad)
        else:
            between = min(pad, (stretch.start - last.end) // 2)
            yield Stretch(start, last.end + between)
            start = stretch.start - between
        last = stretch
    if last is not None:
        end = last.end + pad
        yield Stretch(start, end if frames is None else min(end, frames))

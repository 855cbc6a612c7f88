"""Where pieces start and end: known beforehand, or found as the sound goes by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from librarian import Event
from librarian.audio.peak import amplitude
from librarian.audio.windows import window_frames, windows_of
from librarian.media import Sampled, floats
from librarian_editing.cues import Cue
from librarian_editing.settings import CutSettings
from librarian_editing.sound import Samples


@dataclass(eq=False)
class Piece:
    """A piece of a recording, in frames.

    Attributes:
        start: its first frame.
        end: the frame behind its last; None while that is not known.
        first: its first frame without padding.
        last: that behind its last without padding.
        path: its file, once it was begun.
        clipped: samples that were held at full scale.
    """

    start: int
    end: int | None
    first: int
    last: int | None
    path: Path = Path()
    clipped: int = 0


class Finder(Protocol):
    """Says where pieces are.

    Attributes:
        delay: frames by which what is cut has to stay behind what is heard.
    """

    delay: int

    def hear(self, samples: Sampled) -> Iterator[Piece]:
        """Take in what comes next; the pieces that start there. Ends of earlier ones are set."""

    def end(self) -> Iterator[Piece]:
        """The sound has ended; the pieces that nobody knew of before."""


def padded(first: int, last: int | None, padding: int) -> Piece:
    """A piece with what is added around it."""
    return Piece(max(0, first - padding), None if last is None else last + padding, first, last)


class Known:
    """Pieces that are known beforehand.

    Args:
        cues: their starts and ends (s).
        settings: says what is added around them.
        rate: Hz.
    """

    delay = 0

    def __init__(self, cues: Iterable[Cue], settings: CutSettings, rate: int) -> None:
        padding = round(settings.padding * rate)
        times = ((round(start * rate), None if end is None else round(end * rate)) for start, end in cues)
        self.pieces = [padded(first, last, padding) for first, last in times if last is None or last > first]
        self.pieces.sort(key=lambda piece: piece.start)
        self._given = False

    def hear(self, samples: Sampled) -> Iterator[Piece]:
        """All of them, once."""
        if not self._given:
            self._given = True
            yield from self.pieces

    def end(self) -> Iterator[Piece]:
        """None."""
        return iter(())


class Fixed:
    """Pieces of one length, one after another.

    Args:
        settings: says which length.
        rate: Hz.
    """

    def __init__(self, settings: CutSettings, rate: int) -> None:
        self._length, self._padding = round(settings.length * rate), round(settings.padding * rate)
        self.delay = self._padding
        self._heard = self._next = 0

    def hear(self, samples: Sampled) -> Iterator[Piece]:
        """Those that start in it."""
        self._heard += samples.shape[1]
        while self._next < self._heard:
            yield padded(self._next, self._next + self._length, self._padding)
            self._next += self._length

    def end(self) -> Iterator[Piece]:
        """None."""
        return iter(())


class Silences:
    """Pieces between silences, in windows of 20 ms; a channel that is not silent is enough.

    A piece starts with the first window above the threshold, and ends with the last one before a silence that is long
    enough. How long one is shows only when it has lasted, so what is cut stays behind by that much.

    Args:
        settings: says what is silent.
        rate: Hz.
    """

    def __init__(self, settings: CutSettings, rate: int) -> None:
        self._window = window_frames(rate)
        self._power = amplitude(settings.threshold) ** 2
        self._silence, self._padding = round(settings.silence * rate), round(settings.padding * rate)
        self.delay = self._silence + self._padding + self._window
        self._waiting = np.zeros((0, 0), np.float32)
        self._piece: Piece | None = None
        self._at = self._loud = 0

    def hear(self, samples: Sampled) -> Iterator[Piece]:
        """Those that start in it."""
        joined = np.concatenate([self._waiting, floats(samples)], axis=1) if self._waiting.size else floats(samples)
        whole = joined.shape[1] // self._window * self._window
        self._waiting = joined[:, whole:].copy()
        for is_loud in self._loudness(joined[:, :whole]) if whole else ():
            if piece := self._next(is_loud, self._window):
                yield piece

    def end(self) -> Iterator[Piece]:
        """The last one, if it starts in what is left; a silence at the end belongs to none."""
        left = self._waiting.shape[1]
        for is_loud in self._loudness(self._waiting) if left else ():
            if piece := self._next(is_loud, left):
                yield piece
        if self._piece and self._loud < self._at:
            self._close()

    def _loudness(self, samples: Samples) -> list[bool]:
        """Whether each window is above the threshold."""
        before = np.zeros(len(samples), np.float32)
        powers = windows_of(np.ascontiguousarray(samples), before, self._window).powers
        return [bool(loud) for loud in powers.max(axis=0) >= self._power]

    def _next(self, is_loud: bool, frames: int) -> Piece | None:
        """The piece that starts with the next window."""
        start, self._at = self._at, self._at + frames
        if is_loud:
            self._loud = self._at
            if self._piece is None:
                self._piece = padded(start, None, self._padding)
                return self._piece
        elif self._piece and self._at - self._loud >= self._silence:
            self._close()
        return None

    def _close(self) -> None:
        if self._piece:
            self._piece.last, self._piece.end = self._loud, self._loud + self._padding
            self._piece = None


def of_events(events: Iterable[Event], settings: CutSettings) -> list[Cue]:
    """Starts and ends (s) of the pieces that events tell of.

    What starts a piece while one is open changes nothing, where there are labels of ends.

    Args:
        events: in any order.
        settings: say which of them start and end a piece.
    """
    found = sorted(events, key=lambda event: (event.start, event.end))
    if not settings.starts:
        return [(event.start, event.end) for event in found]
    starts, ends = _labels(settings.starts), _labels(settings.ends)
    keep = settings.edges == "keep"
    cues: list[Cue] = []
    start: float | None = None
    for event in found:
        is_start, is_end = event.label.casefold() in starts, event.label.casefold() in ends
        if start is not None and (is_end or (is_start and not ends)):
            cues.append((start, event.end if is_end and keep else event.start))
            start = None
        if start is None and is_start:
            start = event.start if keep else event.end
    return cues if start is None else [*cues, (start, None)]


def _labels(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def of_list(cues: Sequence[Cue]) -> list[Cue]:
    """The same, where each piece without an end ends with the next start."""
    following = [*(late[0] for _, late in pairwise(cues)), math.inf]
    return [
        (start, _finite(next_) if end is None else end) for (start, end), next_ in zip(cues, following, strict=True)
    ]


def _finite(time: float) -> float | None:
    return time if math.isfinite(time) else None

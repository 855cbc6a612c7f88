"""A sound as it streams by, and the segments of it that a model is given, as Demucs cuts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian_separation.chunked import ChunkModel

Samples = NDArray[np.float32]


class Passing:
    """A sound of which a part is held: what was asked for, until it is forgotten.

    Args:
        blocks: the sound, `[channels, frames]` each.
        channels: their number.
    """

    def __init__(self, blocks: Iterator[Samples], channels: int) -> None:
        self._blocks = blocks
        self._held = np.zeros((channels, 0), np.float32)
        self._start = 0
        self._ended = False

    def reach(self, stop: int) -> int:
        """Read on until so many frames are known; how many there are, `stop` at the most."""
        more: list[Samples] = []
        known = self._start + self._held.shape[1]
        while known < stop and not self._ended:
            block = next(self._blocks, None)
            self._ended = block is None
            if block is not None:
                more.append(block)
                known += block.shape[1]
        if more:
            self._held = np.concatenate([self._held, *more], axis=1)
        return min(stop, known)

    def frames(self, start: int, stop: int) -> Samples:
        """Those frames, with silence before the first and after the last of the sound."""
        self.reach(stop)
        first, last = max(start, 0), min(stop, self._start + self._held.shape[1])
        if last <= first:
            return np.zeros((len(self._held), stop - start), np.float32)
        held = self._held[:, first - self._start : last - self._start]
        return np.pad(held, ((0, 0), (first - start, stop - last))) if (first, last) != (start, stop) else held.copy()

    def forget(self, before: int) -> None:
        """Let go of the frames before this one."""
        if before > self._start:
            self._held = self._held[:, before - self._start :].copy()
            self._start = before


@dataclass(frozen=True, eq=False)
class Part:
    """A segment for a model.

    Attributes:
        offset: where it starts, in frames after the beginning of what is cut: silence of `delay`, then the sound.
        length: frames of it, the silence before included; less than a segment at the end.
        lead: frames of `samples` before it.
        samples: `[channels, frames_for(length)]`.
    """

    offset: int
    length: int
    lead: int
    samples: Samples


class Cutter:
    """Cuts a sound into overlapping segments, one every hop.

    A segment of the end, shorter than the others, stands in the middle of what the model is given: before it the sound
    that comes before it, after it silence (`demucs.apply`, TensorChunk.padded).

    Args:
        sound: may be cut by others too.
        model: whose segments.
        delay: frames of silence before the sound, as the shift trick has it.
        to_the_end: whether segments go on, as Demucs has them, until one would begin behind the end; otherwise the
            first that reaches the end is the last.
    """

    def __init__(self, sound: Passing, model: ChunkModel, delay: int, *, to_the_end: bool) -> None:
        self._sound, self._model, self._delay, self._to_the_end = sound, model, delay, to_the_end
        self.offset = 0

    @property
    def needs(self) -> int:
        """The first frame of the sound that is still needed: a segment's worth before the next one, for its lead."""
        return self.offset - self._delay - self._model.segment

    def next(self) -> Part | None:
        """The next segment; None where there is no more."""
        offset, size = self.offset, self._model.segment
        length = self._reach(offset + size) - offset
        if length <= 0 or not (self._to_the_end or self._is_new(offset)):
            return None
        self.offset += self._model.hop
        frames = self._model.frames_for(length)
        lead = (frames - length) // 2
        start = offset - lead - self._delay
        return Part(offset, length, lead, self._sound.frames(start, start + frames))

    def _is_new(self, offset: int) -> bool:
        """Whether the segment before this one left something of the sound."""
        end = offset - self._model.hop + self._model.segment
        return not offset or self._reach(end + 1) > end

    def _reach(self, stop: int) -> int:
        return stop if stop <= self._delay else self._sound.reach(stop - self._delay) + self._delay

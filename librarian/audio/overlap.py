"""A long sound in overlapping segments, as models want it, and back into one: streaming, in constant memory.

`segments` cuts, something works on the samples of each, `Joiner` puts the results together. Segments are plain data
and know where they belong, so those of several sounds may go through a model in one batch.

A. Défossez's demucs (`apply.py`) has the same triangle, and the same way with a last segment that is too short.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, joined, moved, silence, zeros


@dataclass(frozen=True, eq=False)
class Segment(Generic[Array]):
    """A part of a sound, with what stands around it where it is shorter than a segment.

    Attributes:
        source: whose part it is: whatever the caller said.
        offset: frame of the sound at which it starts.
        length: frames of the sound in it.
        lead: frames before those in `samples`.
        samples: `[..., size]`; `samples[..., lead : lead + length]` is the part itself.
    """

    source: Hashable
    offset: int
    length: int
    lead: int
    samples: Array


def triangle(size: int, power: float = 1.0) -> NDArray[np.float64]:
    """A window that rises to 1 in the middle and falls again, above 0 everywhere.

    Args:
        size: frames, 1 or more.
        power: 1 for straight sides; higher, and the middle counts for more (demucs: transition power).

    Shape:
        - output: `[size]`

    >>> triangle(4).tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    up = np.arange(1, size + 1)
    sides = np.minimum(up, up[::-1]).astype(np.float64)
    return np.asarray((sides / sides.max()) ** power)


def recut(blocks: Iterable[Array], frames: int) -> Iterator[Array]:
    """The same sound in blocks of exactly `frames` frames; the last may have fewer.

    Shape:
        - blocks: `[..., any number of frames]`
        - output: blocks `[..., frames]`

    >>> [block.tolist() for block in recut([np.arange(5), np.arange(5, 8)], 3)]
    [[0, 1, 2], [3, 4, 5], [6, 7]]
    """
    pieces: list[Array] = []
    missing = frames
    for block in blocks:
        start = 0
        while block.shape[-1] - start >= missing:
            pieces.append(block[..., start : start + missing])
            yield joined(pieces)
            start, missing = start + missing, frames
            pieces.clear()
        if start < block.shape[-1]:
            pieces.append(block[..., start:])
            missing -= block.shape[-1] - start
    if pieces:
        yield joined(pieces)


def segments(blocks: Iterable[Array], size: int, hop: int, source: Hashable = None) -> Iterator[Segment[Array]]:
    """Cut a sound into segments of `size` frames, one starting every `hop` frames.

    The last is the first that reaches the end. Where less than a segment is left for it, what is left stands in the
    middle of its samples: before it the sound that comes before it, after it silence.

    Args:
        blocks: the sound, in blocks of any size.
        size: frames, 1 or more.
        hop: frames, 1 to size.
        source: stands in each segment.

    Shape:
        - blocks: `[..., frames]`
        - output: segments with samples `[..., size]`; none for a sound without frames

    Raises:
        ValueError: size or hop are not as above.

    >>> sound = np.arange(10, dtype=np.float32)
    >>> [(each.offset, each.length, each.lead) for each in segments([sound], size=6, hop=3)]
    [(0, 6, 0), (3, 6, 0), (6, 4, 1)]
    """
    if not 1 <= hop <= size:
        raise ValueError(f"segments of {size} frames every {hop}: the hop must be between 1 and the size")
    return _segments(blocks, size, hop, source)


def _segments(blocks: Iterable[Array], size: int, hop: int, source: Hashable) -> Iterator[Segment[Array]]:
    pending: Array | None = None  # begins `size` frames before the next segment: with silence, at first
    offset = seen = 0
    for block in recut(blocks, hop):
        if pending is None:
            pending = silence(size, block)
        pending = joined([pending, block])
        if pending.shape[-1] >= 2 * size:
            yield Segment(source, offset, size, 0, joined([pending[..., size : 2 * size]]))
            offset, seen = offset + hop, size - hop
            pending = pending[..., hop:]
    if pending is None or pending.shape[-1] - size <= seen:
        return
    length = pending.shape[-1] - size
    lead = (size - length) // 2
    pending = joined([pending, silence(size, pending)])
    yield Segment(source, offset, length, lead, joined([pending[..., size - lead : 2 * size - lead]]))


class Joiner(Generic[Array]):
    """Puts results for the segments of one sound together: where they overlap, their mean, weighted by a window.

    The mean is kept as such and moved by each result that comes, m += (y − m) w / Σw, so that results that are the
    sound itself give the sound itself, bit for bit.

    Args:
        window: weights above 0 of the frames of a segment, as `triangle`.
        hop: that of the segments.

    Raises:
        ValueError: a weight is not above 0, or the hop not between 1 and the size of the window.

    >>> sound = np.arange(10, dtype=np.float32)
    >>> joiner = Joiner(triangle(6), hop=3)
    >>> pieces = [joiner.add(each, each.samples) for each in segments([sound], size=6, hop=3)]
    >>> np.concatenate([*pieces, joiner.end()]).tolist() == sound.tolist()
    True
    """

    def __init__(self, window: NDArray[np.floating], hop: int) -> None:
        if not (window > 0).all() or not 1 <= hop <= len(window):
            raise ValueError("the weights of a window must be above 0, and the hop between 1 and its size")
        self._window, self._hop = window.astype(np.float64), hop
        self._weights = np.zeros(len(window))
        self._mean: Array | None = None
        self._offset = self._left = 0

    def add(self, segment: Segment[Array], result: Array) -> Array:
        """Take what was made of the next segment and give what no later one can change.

        Shape:
            - result: `[..., size]`, the same for all segments; dimensions before frames need not be the sound's
            - output: `[..., *]`

        Raises:
            ValueError: another segment comes next, or the result is of another size.
        """
        size, length = len(self._window), segment.length
        if segment.offset != self._offset or result.shape[-1] != size:
            got = f"{result.shape[-1]} at {segment.offset}"
            raise ValueError(f"expected the result for {size} frames at {self._offset}, got {got}")
        if self._mean is None:
            self._mean = zeros(result.shape, result)
        mean = self._mean
        self._weights[:length] += self._window[:length]
        share = moved(self._window[:length] / self._weights[:length], result)
        part = result[..., segment.lead : segment.lead + length]
        mean[..., :length] += (part - mean[..., :length]) * share
        ready = min(self._hop, length)
        self._left = length - ready
        self._offset += self._hop
        self._weights = np.append(self._weights[self._hop :], np.zeros(self._hop))
        self._mean = joined([mean[..., self._hop :], silence(self._hop, mean)])
        return mean[..., :ready]

    def end(self) -> Array:
        """Give what is left, once, after the last segment.

        Shape:
            - output: `[..., *]`

        Raises:
            ValueError: nothing was added.
        """
        if self._mean is None:
            raise ValueError("no result was added, and of nothing there is no sound")
        return self._mean[..., : self._left]

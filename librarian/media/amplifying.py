"""Whole steps of 16 bits times a factor, to whole steps of 16 bits in one pass; compiled.

What `rounding` makes of their floats, to the last bit, in a third of the time: no float is written down. The loops are
written out for one channel and for two, for only so do compilers make vectors of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel
from librarian.media.rounding import LOOK, MOST, first, random_word, second, step_of


@kernel
def _most(frames: NDArray[np.int16]) -> np.int32:
    """The greatest magnitude."""
    greatest, least = np.int16(0), np.int16(0)
    for i in range(frames.size):
        greatest, least = max(greatest, frames[i]), min(least, frames[i])
    return max(np.int32(greatest), np.int32(-np.int32(least)))


@kernel
def _stays_whole(frames: NDArray[np.int16], factor: np.float32, steps: np.float32) -> bool:
    """Whether every sample is a whole number of steps once it is multiplied."""
    between = 0
    for start in range(0, frames.size, LOOK):
        for i in range(start, min(start + LOOK, frames.size)):
            scaled = np.float32(frames[i]) * factor * steps
            between += int(scaled != np.rint(scaled))
        if between:
            break
    return between == 0


@kernel
def _dithered_one(frames: NDArray[np.int16], factor: np.float32, place: np.uint64, out: NDArray[np.int16]) -> None:
    for i in range(out.size // 2):
        word = random_word(place + np.uint64(i))
        out[2 * i] = step_of(np.float32(frames[2 * i]) * factor, first(word))
        out[2 * i + 1] = step_of(np.float32(frames[2 * i + 1]) * factor, second(word))


@kernel
def _dithered_pair(
    frames: NDArray[np.int16], factor: np.float32, left: np.uint64, right: np.uint64, out: NDArray[np.int16]
) -> None:
    for i in range(out.size // 4):
        one, other = random_word(left + np.uint64(i)), random_word(right + np.uint64(i))
        out[4 * i] = step_of(np.float32(frames[4 * i]) * factor, first(one))
        out[4 * i + 1] = step_of(np.float32(frames[4 * i + 1]) * factor, first(other))
        out[4 * i + 2] = step_of(np.float32(frames[4 * i + 2]) * factor, second(one))
        out[4 * i + 3] = step_of(np.float32(frames[4 * i + 3]) * factor, second(other))


@kernel
def requantized(
    frames: NDArray[np.int16],
    factor: np.float32,
    steps: np.float32,
    grid: int,
    places: NDArray[np.uint64],
    out: NDArray[np.int16],
) -> float:
    """Whole steps of 16 bits that are multiplied: what `quantized` makes of their floats, without these.

    Args:
        frames: of one or two channels, samples of the same moment beside each other.
        factor: makes floats of −1…1 of them, and amplifies.
        steps: in full scale.
        grid: frames that are looked at together, an even number; all are of whole ones.
        places: of the next samples among all that are drawn, of each channel; moved on.
        out: whole steps.

    Shape:
        - frames: `[frames * channels]`
        - places: `[channels]`
        - out: `[frames * channels]`

    Returns:
        The greatest magnitude: where it is beyond 1, what was made is not meant to be used.
    """
    greatest = np.int32(0)
    for start in range(0, frames.size, grid * places.size):
        part, made = frames[start : start + grid * places.size], out[start : start + grid * places.size]
        greatest = max(greatest, _most(part))
        if _stays_whole(part, factor, steps):
            for i in range(part.size):
                made[i] = min(np.int32(np.rint(np.float32(part[i]) * factor * steps)), MOST)
        elif places.size == 1:
            _dithered_one(part, factor, places[0], made)
        else:
            _dithered_pair(part, factor, places[0], places[1], made)
        for channel in range(places.size):
            places[channel] += np.uint64(grid // 2)
    return np.float64(np.float32(greatest) * abs(factor))

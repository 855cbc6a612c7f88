"""Samples to whole steps, compiled: numpy would go over them eight times, and draws noise slowly.

Dither is triangular: the difference of two even numbers of 15 bits, which its place alone decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel
from librarian.media.interleaving import interleaved

FRACTION = 15
"""Bits below a step of 16 bits that dither is made of: int32 holds both, and the sum is exact."""

LOOK = 256
"""Samples that are looked at together for one that is no whole step."""

_LOW = np.uint64((1 << FRACTION) - 1)
_FINE = np.float32(1 << (15 + FRACTION))
_HALF = np.int32(1 << (FRACTION - 1))
LEAST, MOST = np.int32(-(1 << 15)), np.int32((1 << 15) - 1)
_MAGNITUDE = np.int32(0x7FFFFFFF)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_15, _27, _30, _31, _45 = map(np.uint64, (15, 27, 30, 31, 45))


@kernel
def random_word(place: np.uint64) -> np.uint64:
    """64 random bits of a place: SplitMix64 (Steele, Lea, Flood 2014), which needs no other place to be drawn first."""
    word = place * _STEP
    word = (word ^ (word >> _30)) * _FIRST
    word = (word ^ (word >> _27)) * _SECOND
    return word ^ (word >> _31)


@kernel
def _greatest(bits: NDArray[np.int32], before: np.int32) -> np.int32:
    """The bits of the greatest magnitude, or those before: without its sign a float's are ordered like an integer."""
    greatest = before
    for i in range(bits.size):
        greatest = max(greatest, np.int32(bits[i] & _MAGNITUDE))
    return greatest


@kernel
def _is_whole(channel: NDArray[np.float32], steps: np.float32) -> bool:
    """Whether every sample is a whole number of steps."""
    between = 0
    for start in range(0, channel.size, LOOK):
        for i in range(start, min(start + LOOK, channel.size)):
            scaled = channel[i] * steps
            between += int(scaled != np.rint(scaled))
        if between:
            break
    return between == 0


@kernel
def _rounded(channel: NDArray[np.float32], steps: np.float32, shift: int, out: NDArray[Any]) -> None:
    """Round to whole steps; full scale becomes the greatest step below it.

    Shape:
        - channel: `[frames]`, −1…1
        - out: `[frames]`, shifted up by so many bits
    """
    most = np.int32(steps) - np.int32(1)
    for i in range(channel.size):
        out[i] = min(np.int32(np.rint(channel[i] * steps)), most) << shift


@kernel
def first(word: np.uint64) -> np.int32:
    """Dither of the first sample of a place, in units of 2^-15 steps."""
    return np.int32(np.int32(word & _LOW) - np.int32((word >> _15) & _LOW))


@kernel
def second(word: np.uint64) -> np.int32:
    """Dither of the second sample of a place."""
    return np.int32(np.int32((word >> _30) & _LOW) - np.int32((word >> _45) & _LOW))


@kernel
def _noise(place: np.uint64, out: NDArray[np.int32]) -> None:
    """Dither of two samples for each place."""
    for i in range(out.size // 2):
        word = random_word(place + np.uint64(i))
        out[2 * i] = first(word)
        out[2 * i + 1] = second(word)


@kernel
def step_of(sample: np.float32, noise: np.int32) -> np.int32:
    """The whole step of 16 bits that a sample of −1…1 is rounded to after noise was added."""
    # numba widens every sum of int32: each is said to be one again, for vectors of them
    part = np.int32(np.int32(np.int32(np.rint(sample * _FINE)) + noise) + _HALF)
    return min(max(np.int32(part >> FRACTION), LEAST), MOST)


@kernel
def dithered(channel: NDArray[np.float32], place: np.uint64, noise: NDArray[np.int32], out: NDArray[np.int16]) -> None:
    """Round to whole steps of 16 bits after noise was added; two samples share a place.

    Args:
        channel: an even number of frames came before them.
        place: of the first two samples among all that are drawn.
        noise: to work in.
        out: whole steps.

    Shape:
        - channel: `[frames]`, −1…1
        - noise: `[frames]`, or one more, so that it is an even number
        - out: `[frames]`
    """
    _noise(place, noise)
    for i in range(channel.size):
        out[i] = step_of(channel[i], noise[i])


@kernel
def quantized(
    samples: NDArray[np.float32],
    steps: np.float32,
    shift: int,
    grid: int,
    places: NDArray[np.uint64],
    noise: NDArray[np.int32],
    made: NDArray[Any],
    out: NDArray[Any],
) -> float:
    """Whole steps of a sound: of each `grid` frames rounded where all fit, or there are 24 bits, and else dithered.

    Args:
        samples: −1…1.
        steps: in full scale.
        shift: bits by which steps are shifted up.
        grid: frames that are looked at together, an even number.
        places: of the next samples among all that are drawn, of each channel; moved on.
        noise: to work in.
        made: to work in.
        out: whole steps, those of the same moment beside each other.

    Shape:
        - samples: `[channels, frames]`, finite
        - places: `[channels]`
        - noise: `[grid]`
        - made: `[channels, grid]`
        - out: `[frames * channels]`

    Returns:
        The greatest magnitude: where it is beyond 1, what was made is not meant to be used.
    """
    channels, frames = samples.shape
    greatest = np.int32(0)
    for start in range(0, frames, grid):
        end = min(start + grid, frames)
        fits = True
        for channel in range(channels):
            part = samples[channel, start:end]
            greatest = _greatest(part.view(np.int32), greatest)
            fits = fits and (shift > 0 or _is_whole(part, steps))
        for channel in range(channels):
            part, whole = samples[channel, start:end], made[channel, : end - start]
            if fits:
                _rounded(part, steps, shift, whole)
            else:
                dithered(part, places[channel], noise[: part.size + part.size % 2], whole)
            places[channel] += np.uint64(grid // 2)
        interleaved(made[:, : end - start], out[start * channels : end * channels])
    return np.float64(np.int32(greatest).view(np.float32))  # numba leaves a float32 as it is

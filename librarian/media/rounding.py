"""Samples to whole steps, compiled: numpy would go over them eight times, and draws noise slowly.

Dither is triangular: the difference of two even numbers of 15 bits, which its place alone decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel

FRACTION = 15
"""Bits below a step of 16 bits that dither is made of: int32 holds both, and the sum is exact."""

LOOK = 256
"""Samples that are looked at together for one that is no whole step."""

_LOW = np.uint64((1 << FRACTION) - 1)
_FINE = np.float32(1 << (15 + FRACTION))
_HALF = np.int32(1 << (FRACTION - 1))
_LEAST, _MOST = np.int32(-(1 << 15)), np.int32((1 << 15) - 1)
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
def extent(channel: NDArray[np.float32], steps: np.float32) -> tuple[float, bool]:
    """The greatest magnitude, and whether every sample is a whole number of steps.

    Shape:
        - channel: `[frames]`, finite
    """
    greatest, between = np.zeros(1, np.int32), 0
    bits = channel.view(np.int32)  # without its sign a float's bits are ordered like an integer
    for i in range(bits.size):
        greatest[0] = max(greatest[0], np.int32(bits[i] & _MAGNITUDE))
    for start in range(0, channel.size, LOOK):
        for i in range(start, min(start + LOOK, channel.size)):
            scaled = channel[i] * steps
            between += int(scaled != np.rint(scaled))
        if between:
            break
    return float(greatest.view(np.float32)[0]), between == 0


@kernel
def rounded(channel: NDArray[np.float32], steps: np.float32, shift: int, out: NDArray[Any]) -> None:
    """Round to whole steps; full scale becomes the greatest step below it.

    Shape:
        - channel: `[frames]`, −1…1
        - out: `[frames]`, shifted up by so many bits
    """
    most = np.int32(steps) - np.int32(1)
    for i in range(channel.size):
        out[i] = min(np.int32(np.rint(channel[i] * steps)), most) << shift


@kernel
def _noise(place: np.uint64, out: NDArray[np.int32]) -> None:
    """Dither of two samples for each place, in units of 2^-15 steps."""
    for i in range(out.size // 2):
        word = random_word(place + np.uint64(i))
        out[2 * i] = np.int32(word & _LOW) - np.int32((word >> _15) & _LOW)
        out[2 * i + 1] = np.int32((word >> _30) & _LOW) - np.int32((word >> _45) & _LOW)


@kernel
def dithered(channel: NDArray[np.float32], place: np.uint64, out: NDArray[np.int16]) -> None:
    """Round to whole steps of 16 bits after noise was added; two samples share a place.

    Args:
        channel: an even number of frames came before them.
        place: of the first two samples among all that are drawn.
        out: whole steps.

    Shape:
        - channel: `[frames]`, −1…1
        - out: `[frames]`
    """
    noise = np.empty(channel.size + channel.size % 2, np.int32)
    _noise(place, noise)
    for i in range(channel.size):
        # numba widens every sum of int32: each is said to be one again, for vectors of them
        part = np.int32(np.int32(np.int32(np.rint(channel[i] * _FINE)) + noise[i]) + _HALF)
        out[i] = min(max(np.int32(part >> FRACTION), _LEAST), _MOST)

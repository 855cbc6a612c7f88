"""Triangular dither, compiled: drawing its numbers takes numpy longer than all the rest of writing a sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

FRACTION = 15
"""Bits below a step of 16 bits that dither is made of: int32 holds both, and the sum is exact."""

_LOW = np.uint64((1 << FRACTION) - 1)
_FINE = np.float32(1 << FRACTION)
_HALF = np.int32(1 << (FRACTION - 1))
_LEAST, _MOST = np.int32(-(1 << 15)), np.int32((1 << 15) - 1)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31, _32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)

_Compiled = TypeVar("_Compiled", bound=Callable[..., object])


def _compiled(function: _Compiled) -> _Compiled:
    return cast(_Compiled, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def random_word(place: np.uint64) -> np.uint64:
    """64 random bits of a place: SplitMix64 (Steele, Lea, Flood 2014), which needs no other place to be drawn first."""
    word = place * _STEP
    word = (word ^ (word >> _30)) * _FIRST
    word = (word ^ (word >> _27)) * _SECOND
    return word ^ (word >> _31)


@_compiled
def dithered(scaled: NDArray[np.float32], place: np.uint64, out: NDArray[np.int16]) -> None:
    """Round to whole steps after noise was added: the difference of two even numbers of 15 bits for each sample.

    Args:
        scaled: a channel, in steps of 16 bits.
        place: of its first sample among all that are drawn.
        out: whole steps.

    Shape:
        - scaled: `[frames]`
        - out: `[frames]`
    """
    for i in range(scaled.size):
        word = random_word(place + np.uint64(i))
        noise = np.int32(word & _LOW) - np.int32((word >> _32) & _LOW)
        part = np.int32(np.rint(scaled[i] * _FINE)) + noise + _HALF
        out[i] = min(max(part >> FRACTION, _LEAST), _MOST)

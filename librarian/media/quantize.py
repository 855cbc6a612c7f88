"""From float to the whole numbers of a file, on a grid, so that how a sound is cut plays no part."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.media.sound import STEP, Sampled, Samples

GRID = 1 << 13
"""Frames that are looked at together: whether they fit the bits, and are left alone, or get dither."""

WORDS = 1 << 64
_DITHERED = 16  # bits

Whole = NDArray[np.int16] | NDArray[np.int32]


class Quantizer:
    """Makes whole numbers of a sound, block after block; all but the last are of whole `GRID`s.

    Where the frames of a `GRID` do not fit 16 bits exactly, they get triangular dither of ±1 step (Lipshitz,
    Wannamaker, Vanderkooy 1992), which depends on the seed, the channel and the place alone.

    Args:
        channels: number of channels.
        bits: 16 or 24.
        seed: of the dither.
    """

    def __init__(self, channels: int, bits: int, seed: int) -> None:
        from librarian.media.rounding import random_word

        self._bits = bits
        self._steps = np.float32(1 << (bits - 1))  # a power of two: products are exact
        firsts = (random_word(np.uint64((seed << 16 | channel) % WORDS)) for channel in range(channels))
        self._places = np.array(list(firsts), np.uint64)
        self._noise = np.empty(GRID, np.int32)
        self._made = np.empty((channels, GRID), np.int16 if bits == _DITHERED else np.int32)

    def __call__(self, samples: Samples) -> Whole:
        """The next block.

        Shape:
            `[channels, frames]`, finite → `[frames, channels]`, 16 bits as int16, 24 in the upper bits of int32.

        Raises:
            ValueError: a peak does not fit.
        """
        from librarian.media.rounding import quantized

        shift = 0 if self._bits == _DITHERED else 32 - self._bits
        out: Whole = np.empty(samples.size, self._made.dtype)
        peak = quantized(samples, self._steps, shift, GRID, self._places, self._noise, self._made, out)
        self._check(peak)
        return out.reshape(samples.shape[::-1])

    def takes(self, samples: Sampled) -> bool:
        """Whether `amplified` takes them: 16 bits of one channel or two, to be written with as many."""
        return samples.dtype == np.int16 == self._made.dtype and len(samples) <= 2  # noqa: PLR2004

    def amplified(self, whole: NDArray[np.int16], factor: np.float32) -> Whole:
        """The next block, of whole `GRID`s: what calling makes of their floats times a factor, in one pass.

        Shape:
            `[channels, frames]`, a view of `[frames, channels]` → `[frames, channels]`

        Raises:
            ValueError: a peak does not fit.
        """
        from librarian.media.amplifying import requantized

        frames = np.ascontiguousarray(whole.T)
        out = np.empty_like(frames)
        peak = requantized(frames.reshape(-1), factor * STEP, self._steps, GRID, self._places, out.reshape(-1))
        self._check(peak)
        return out

    def _check(self, peak: float) -> None:
        if round(peak * self._steps) > self._steps:
            over = 20 * math.log10(peak)
            raise ValueError(
                f"a peak of {over:+.1f} dBFS does not fit {self._bits} bits; lower the gain or write float"
            )

"""From float to the whole numbers of a file, on a grid, so that how a sound is cut plays no part."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.media.sound import Samples

GRID = 1 << 13
"""Frames that are looked at together: whether they fit the bits, and are left alone, or get dither."""

WORDS = 1 << 64

Whole = NDArray[np.int16] | NDArray[np.int32]


class Quantizer:
    """Makes whole numbers of a sound, a block of `GRID` frames after another.

    Where a block does not fit 16 bits exactly, it gets triangular dither of ±1 step (Lipshitz, Wannamaker, Vanderkooy
    1992), which depends on the seed, the channel and the place alone.

    Args:
        channels: number of channels.
        bits: 16 or 24.
        seed: of the dither.
    """

    def __init__(self, channels: int, bits: int, seed: int) -> None:
        from librarian.media.rounding import random_word

        self._bits = bits
        self._steps = np.float32(1 << (bits - 1))  # a power of two: products are exact
        self._places = [int(random_word(np.uint64((seed << 16 | channel) % WORDS))) for channel in range(channels)]

    def __call__(self, samples: Samples) -> Whole:
        """The next block.

        Shape:
            `[channels, ≤ GRID]`, finite → `[frames, channels]`, 16 bits as int16, 24 in the upper bits of int32.

        Raises:
            ValueError: a peak does not fit.
        """
        from librarian.media.interleaving import interleaved
        from librarian.media.rounding import dithered, extent, rounded

        extents = [extent(channel, self._steps) for channel in samples]
        self._check(max(peak for peak, _ in extents))
        places, self._places = self._places, [(place + GRID // 2) % WORDS for place in self._places]
        shift = 8 if self._bits == 24 else 0  # noqa: PLR2004
        made: Whole = np.empty(samples.shape, np.int32 if shift else np.int16)
        fits = shift or all(whole for _, whole in extents)
        for channel, place, steps in zip(samples, places, made, strict=True):
            if fits:
                rounded(channel, self._steps, shift, steps)
            else:
                dithered(channel, np.uint64(place), steps)
        if len(made) == 1:
            return made.T
        out = np.empty(made.size, made.dtype)
        interleaved(made, out)
        return out.reshape(samples.shape[::-1])

    def _check(self, peak: float) -> None:
        if round(peak * self._steps) > self._steps:
            over = 20 * math.log10(peak)
            raise ValueError(
                f"a peak of {over:+.1f} dBFS does not fit {self._bits} bits; lower the gain or write float"
            )

"""From float to the whole numbers of a file, on a grid, so that how a sound is cut plays no part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.media.sound import Samples

GRID = 1 << 13
"""Frames that are looked at together: whether they fit the bits, and are left alone, or get dither."""

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
        self._bits = bits
        self._steps = np.float32(1 << (bits - 1))
        self._seed, self._frames = seed, 0

    def __call__(self, samples: Samples) -> Whole:
        """The next block.

        Shape:
            `[channels, ≤ GRID]` → `[frames, channels]`, 16 bits as int16, 24 in the upper bits of int32.

        Raises:
            ValueError: a peak does not fit.
        """
        scaled = np.multiply(samples, self._steps, order="C")  # a power of two: exact
        whole = np.rint(scaled)
        if (peak := max(whole.max(), -whole.min())) > self._steps:
            over = 20 * np.log10(peak / self._steps)
            raise ValueError(
                f"a peak of {over:+.1f} dBFS does not fit {self._bits} bits; lower the gain or write float"
            )
        if self._bits == 24:  # noqa: PLR2004
            return interleaved(np.minimum(whole, self._steps - 1, out=whole), np.int32) << 8
        start, self._frames = self._frames, self._frames + samples.shape[1]
        if not np.array_equal(scaled, whole):
            return self._dithered(scaled, start)
        return interleaved(np.minimum(whole, self._steps - 1, out=whole), np.int16)

    def _dithered(self, scaled: Samples, start: int) -> Whole:
        from librarian.media.dither import dithered, random_word

        out = np.empty(scaled.shape, np.int16)
        for channel, (steps, whole) in enumerate(zip(scaled, out, strict=True)):
            first = int(random_word(np.uint64((self._seed << 16 | channel) % (1 << 64))))
            dithered(steps, np.uint64((first + start) % (1 << 64)), whole)
        return interleaved(out, np.int16)


def interleaved(samples: NDArray[Any], form: type[np.generic]) -> NDArray[Any]:
    """`[channels, frames]` → `[frames, channels]`; by channels, for numpy turns small matrices over very slowly."""
    return np.stack([channel.astype(form, copy=False) for channel in samples], axis=1)

"""From float to the whole numbers of a file, on a grid, so that how a sound is cut plays no part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.media.sound import Samples

GRID = 1 << 13
"""Frames that are looked at together: whether they fit the bits, and are left alone, or get dither."""

Whole = NDArray[np.int16] | NDArray[np.int32]

_FRACTION = 15
"""Bits below a step of 16 bits that dither is made of: int32 holds both, and the sum is exact."""
_WORDS = GRID // 2
"""Of 64 bits, for a channel of a block: two numbers of 16 bits a sample."""


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
        # Raw words: numpy promises the stream of PCG64, not that of its distributions. A channel is 2^64 words long.
        self._words = [np.random.PCG64(seed).advance(channel << 64) for channel in range(channels)]

    def __call__(self, samples: Samples) -> Whole:
        """The next block.

        Shape:
            `[channels, ≤ GRID]` → `[frames, channels]`, 16 bits as int16, 24 in the upper bits of int32.

        Raises:
            ValueError: a peak does not fit.
        """
        scaled = samples * self._steps  # a power of two: exact
        whole = np.rint(scaled)
        if (peak := max(whole.max(), -whole.min())) > self._steps:
            over = 20 * np.log10(peak / self._steps)
            raise ValueError(
                f"a peak of {over:+.1f} dBFS does not fit {self._bits} bits; lower the gain or write float"
            )
        if self._bits == 24:  # noqa: PLR2004
            return interleaved(np.minimum(whole, self._steps - 1, out=whole), np.int32) << 8
        if not np.array_equal(scaled, whole):
            return self._dithered(scaled)
        for words in self._words:
            words.advance(_WORDS)
        return interleaved(np.minimum(whole, self._steps - 1, out=whole), np.int16)

    def _dithered(self, scaled: Samples) -> Whole:
        parts = np.rint(scaled * np.float32(1 << _FRACTION)).astype(np.int32)
        for channel, words in zip(parts, self._words, strict=True):
            first, second = words.random_raw(_WORDS).astype("<u8", copy=False).view("<u2").reshape(2, GRID) >> 1
            noise = (first.view(np.int16) - second.view(np.int16)).astype(np.int32)
            np.add(channel, noise[: len(channel)], out=channel)
        parts += 1 << (_FRACTION - 1)
        parts >>= _FRACTION
        return interleaved(np.clip(parts, -(1 << 15), (1 << 15) - 1, out=parts), np.int16)


def interleaved(samples: NDArray[Any], form: type[np.generic]) -> NDArray[Any]:
    """`[channels, frames]` → `[frames, channels]`; by channels, for numpy turns small matrices over very slowly."""
    return np.stack([channel.astype(form, copy=False) for channel in samples], axis=1)

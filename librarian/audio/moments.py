"""The offset of a sound from zero, and its RMS level."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import planar
from librarian.compiled import kernel


class Moments:
    """Sums over a sound that comes in blocks. They do not depend on the blocks' sizes.

    Args:
        channels: of the sound.

    Attributes:
        frames: that came so far.

    >>> moments = Moments(1)
    >>> moments.add(np.array([[0.25, 0.75]], np.float32))
    >>> moments.offset().tolist(), moments.power()
    ([[0.5]], 0.3125)
    """

    def __init__(self, channels: int) -> None:
        self.frames = 0
        self._sums, self._squares = np.zeros(channels), np.zeros(channels)

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take a block.

        Shape:
            - samples: `[channels, frames]`
        """
        _add(planar(samples), self._sums, self._squares)
        self.frames += samples.shape[1]

    def offset(self) -> NDArray[np.float32]:
        """The mean of each channel: what is left of it is direct current. 0 where there are no frames.

        Taken off the samples, nothing but the offset changes. An offset that wanders is for a high-pass
        (`librarian.audio.filters`), which needs no pass of its own but turns the phase of the lowest tones.

        Shape:
            - output: `[channels, 1]`
        """
        return (self._sums / max(1, self.frames)).astype(np.float32)[:, np.newaxis]

    def power(self) -> float:
        """Mean square of all channels; 0 where there are no frames."""
        return float(self._squares.mean()) / max(1, self.frames) if self._squares.size else 0.0


def to_rms(power: float) -> float:
    """RMS level (dBFS) of a mean square: −3.01 for a sine at full scale, 0 for a square wave, −inf for 0."""
    return 10.0 * math.log10(power) if power else -math.inf


@kernel
def _add(samples: NDArray[np.float32], sums: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
    # One sample after the other, so that it plays no part where blocks end.
    for channel in range(samples.shape[0]):
        total, power = sums[channel], squares[channel]
        for i in range(samples.shape[1]):
            value = np.float64(samples[channel, i])
            total += value
            power += value * value
        sums[channel], squares[channel] = total, power

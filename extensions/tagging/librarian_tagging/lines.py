"""Spectral lines in short windows: how much of the power of the band is theirs. Sound at 8 kHz.

A line is a peak where it is expected: the greatest bin there, greater than its neighbours, and in between, by the ratio
of the two greatest bins of a Hann window, near enough to its frequency. Its share is the power of its three bins over
that of the telephone band.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 8000
BAND = (200.0, 3600.0)
"""Hz, of which a line has its share: what a telephone line lets through, without hum."""
FLOOR = 1e-7
"""Mean square (−70 dBFS) of the band below which nothing is heard."""

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Spectra:
    """Windows of a sound, and what is in them.

    Args:
        spectra: of `librarian.audio.spectral.StftStream` with a Hann window.

    Attributes:
        magnitudes: `[windows, bins]`.
        powers: their squares.
        band: of the band, in each window; 0 where nothing is heard.

    Shape:
        - spectra: `[bins, windows]`
    """

    def __init__(self, spectra: NDArray[np.complex64]) -> None:
        self.magnitudes = np.ascontiguousarray(np.abs(spectra).T)
        self.powers = self.magnitudes * self.magnitudes
        self._size = 2 * (len(spectra) - 1)
        low, high = (round(edge * self._size / RATE) for edge in BAND)
        band = self.powers[:, low : high + 1].sum(axis=1, dtype=np.float64)
        heard = band > FLOOR * 0.375 / 2 * self._size * self._size  # Parseval: a Hann window keeps 3/8 of the power
        self.band: Values = np.where(heard, band, 0.0)

    def __len__(self) -> int:
        return len(self.powers)

    def share(self, frequency: float, tolerance: float) -> Values:
        """The share of the line at a frequency (Hz), 0 where there is none.

        Args:
            frequency: Hz.
            tolerance: part of the frequency by which it may be off.

        Shape:
            - output: `[windows]`, 0 to 1
        """
        allowed = frequency * tolerance
        return self._peak(frequency - allowed, frequency + allowed)

    def peak(self, low: float, high: float) -> Values:
        """The share of the greatest line between two frequencies (Hz), 0 where there is none."""
        return self._peak(low, high)

    def _peak(self, low: float, high: float) -> Values:
        step = RATE / self._size
        first, last = int(np.floor(low / step)), int(np.ceil(high / step))
        place = self.powers[:, first : last + 1].argmax(axis=1) + first
        rows = np.arange(len(place))
        before, at, behind = (self.magnitudes[rows, place + side] for side in (-1, 0, 1))
        right = behind > before
        ratio = np.where(right, behind, before) / np.maximum(at, np.float32(1e-30))
        offset = (2.0 * ratio - 1.0) / (ratio + 1.0)  # of a Hann window, exact for a line alone
        frequency = step * (place + np.where(right, offset, -offset))
        found = (at >= before) & (at >= behind) & (frequency >= low) & (frequency <= high)
        power = before.astype(np.float64) ** 2 + at.astype(np.float64) ** 2 + behind.astype(np.float64) ** 2
        return np.asarray(np.divide(power, self.band, out=np.zeros_like(power), where=found & (self.band > 0)))


def together(shares: Sequence[Values], least: float) -> Values:
    """The sum of the shares of lines that sound together, 0 where one is weaker than `least` of the strongest."""
    stacked = np.stack(shares)
    greatest = stacked.max(axis=0)
    return np.where(stacked.min(axis=0) >= least * greatest, stacked.sum(axis=0), 0.0)

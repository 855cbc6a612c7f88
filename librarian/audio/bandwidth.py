"""The long-term average spectrum, and up to which frequency there is sound in it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 1 / 12
FRAMES_PER_SECOND = 2
"""Of the spectrum, each of about 85 ms: a sixth of the sound is looked at."""
BANDS_PER_OCTAVE = 24
LOWEST_BAND = 20.0
"""Hz."""
FAINTEST = -160.0
"""dB re full scale² per Hz; nothing fainter is told apart. Rounding to 16 bits lies at −145 (48 kHz)."""

LOWEST_CLIFF = 400.0
"""Hz. Below, a band is a bin, and hum and rumble have cliffs of their own."""
FLANK = 4
"""Bands below a cliff, on it, and above it: a sixth of an octave each."""
CLIFF = 20.0
"""dB between the flanks. Voices and instruments fall by up to 19 dB in as little, filters and coders by 21 to 60."""
QUIETER = 12.0
"""dB by which what lies above a cliff is below it."""
ABOVE = 90
"""Percentile of that which must be so quiet: a whistle is no bandwidth."""


def frame_size(rate: int) -> int:
    """Frames in one frame of the spectrum: the power of two next to a twelfth of a second, 4096 at 48 kHz."""
    return max(16, 1 << round(math.log2(rate * FRAME_SECONDS)))


class Spectrum:
    """The long-term average spectrum of all channels.

    Hann windows, two a second (a stated subset); the mean of their power spectra.
    """

    def __init__(self, rate: int) -> None:
        self._rate, self._size = rate, frame_size(rate)
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._power = np.zeros(self._size // 2 + 1)
        self._frames = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take in a second of sound, or what is left at the end: frames that do not fit are left out.

        Shape:
            - samples: `[channels, frames]`
        """
        size = self._size
        starts = [number * self._rate // FRAMES_PER_SECOND for number in range(FRAMES_PER_SECOND)]
        starts = [start for start in starts if start + size <= samples.shape[1]]
        if not starts and not self._frames:  # shorter than one frame
            samples = np.pad(samples, ((0, 0), (0, size - samples.shape[1])))
            starts = [0]
        if starts:
            frames = np.stack([samples[:, start : start + size] for start in starts])
            spectra = np.fft.rfft(frames * self._window, axis=-1)
            powers = spectra.real**2 + spectra.imag**2
            self._power += powers.sum(axis=(0, 1), dtype=np.float64)
            self._frames += len(starts) * len(samples)

    def density(self) -> NDArray[np.float64]:
        """Mean power density of the channels, full scale² per Hz.

        Shape:
            - output: `[bins]`, from 0 Hz to half the rate
        """
        energy = float(np.square(self._window, dtype=np.float64).sum())
        return np.asarray(self._power * (2.0 / (max(1, self._frames) * energy * self._rate)))

    def bands(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The spectrum in 24 bands per octave, from 20 Hz on; low ones are as wide as a bin.

        Shape:
            - output: `[bands]` centres (Hz) and `[bands]` density (dB re full scale² per Hz, −160 at least)
        """
        density = self.density()
        step = self._rate / self._size
        octaves = math.log2(self._rate / 2 / LOWEST_BAND)
        edges = self._rate / 2 * 2.0 ** (-np.arange(int(octaves * BANDS_PER_OCTAVE), -1, -1) / BANDS_PER_OCTAVE)
        bins = np.unique(np.clip(np.rint(edges / step).astype(int), 1, density.size - 1))
        means = np.add.reduceat(density, bins[:-1]) / np.diff(bins) if bins.size > 1 else density[:0]
        if means.size:  # what reduceat adds of the last bin
            means[-1] = density[bins[-2] : bins[-1]].mean()
        centres = step * (bins[:-1] + bins[1:] - 1) / 2
        return centres, 10.0 * np.log10(np.maximum(means, 10.0 ** (FAINTEST / 10.0)))


def bandwidth(centres: NDArray[np.float64], levels: NDArray[np.float64], nyquist: float) -> float:
    """Up to where a spectrum holds sound: the lowest cliff above which nothing is as loud again; else all of it.

    A cliff is a fall of 20 dB from one sixth of an octave to the next but one. An up-sampled telephone call has one at
    3.4 to 4 kHz, an mp3 where its coder cuts off, whatever rounding or dither lies above. Recordings that fall off
    gently, to the noise of their microphone, have none. Nothing is looked for below 400 Hz, and in the third of an
    octave below half the rate.

    Args:
        centres: Hz, 24 to the octave.
        levels: dB.
        nyquist: half the sample rate (Hz).

    Shape:
        - centres, levels: `[bands]`

    Returns:
        Hz.
    """
    if levels.size < 3 * FLANK:
        return nyquist
    flanks = np.median(np.lib.stride_tricks.sliding_window_view(levels, FLANK), axis=1)
    falls = (flanks[: -2 * FLANK] - flanks[2 * FLANK :] >= CLIFF) & (centres[: 1 - 3 * FLANK] >= LOWEST_CLIFF)
    for start in np.flatnonzero(falls).tolist():
        if flanks[start] - np.percentile(levels[start + 2 * FLANK :], ABOVE) >= QUIETER:
            return _halfway(centres, levels, start, float(flanks[start]))
    return nyquist


def _halfway(centres: NDArray[np.float64], levels: NDArray[np.float64], start: int, below: float) -> float:
    """Where a cliff that was found from `start` on has fallen by half of 20 dB."""
    fallen = np.flatnonzero(levels[start:] < below - CLIFF / 2.0)
    return float(centres[start + fallen[0]])

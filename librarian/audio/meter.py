"""All levels of a sound in one pass: loudness after ITU-R BS.1770-5 and EBU R 128, peaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from librarian.audio import loudness, peak
from librarian.audio.energies import STEPS, energies
from librarian.audio.tiles import Tiles, hop_frames

MOMENTARY, SHORT_TERM = 4 * STEPS, 30 * STEPS
"""Windows of 400 ms and 3 s, in steps of 10 ms."""


@dataclass(frozen=True)
class Levels:
    """The levels of a sound. All are nan where a sample is not finite; a level of silence is −inf.

    Attributes:
        integrated: loudness of the whole, LUFS; −inf where nothing is above −70 LUFS, nan under 400 ms.
        momentary_max: loudest 400 ms, LUFS; nan under 400 ms.
        short_term_max: loudest 3 s, LUFS; nan under 3 s.
        loudness_range: LU, 0 or more; nan under 3 s.
        true_peak: dBTP.
        sample_peak: dBFS.
        powers: of each gating block, `[blocks]`; see `librarian.audio.loudness.gating_powers`.
    """

    integrated: float
    momentary_max: float
    short_term_max: float
    loudness_range: float
    true_peak: float
    sample_peak: float
    powers: NDArray[np.float64] = field(repr=False, compare=False)


class Meter:
    """Measures a sound that comes in blocks; the result does not depend on their sizes.

    Args:
        rate: Hz, 4000 or more.
        weights: of the channels, see `librarian.audio.layout.weights`.

    Raises:
        ValueError: the rate is below 4000 Hz.

    >>> meter = Meter(48000, (1.0,))
    >>> meter.add(np.sin(2 * np.pi * 997 * np.arange(48000) / 48000, dtype=np.float32)[np.newaxis])
    >>> round(meter.levels().integrated, 2)
    -3.01
    """

    def __init__(self, rate: int, weights: Sequence[float]) -> None:
        self._rate, self._weights = rate, tuple(weights)
        self._biquads = loudness.k_weighting(rate)
        self._tiles = Tiles(rate, len(self._weights))
        self._hops: list[NDArray[np.float64]] = []
        self._loudest = _Loudest()
        self._peaks = peak.Peaks()

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take a block.

        Shape:
            - samples: `[channels, frames]`

        Raises:
            ValueError: they are not `[channels, frames]` with as many channels as there are weights.
        """
        for tile in self._tiles.add(samples):
            steps = self._energies(tile)
            self._hops.append(loudness.hop_energies(steps))
            self._loudest = self._loudest.after(steps)
            self._peaks = self._peaks_after(tile)

    def levels(self) -> Levels:
        """The levels of what came so far; more may come afterwards."""
        rest = self._tiles.rest()
        steps = self._energies(rest)
        loudest = self._loudest.after(steps)
        peaks = self._peaks_after(np.pad(rest, ((0, 0), (0, peak.CONTEXT))))
        hops = np.concatenate([*self._hops, loudness.hop_energies(steps)])
        powers = loudness.gating_powers(hops, self._rate)
        finite = math.isfinite(peaks.sample)
        return Levels(
            integrated=loudness.gated(powers) if finite and powers.size else math.nan,
            momentary_max=self._lufs(loudest.momentary, MOMENTARY) if finite else math.nan,
            short_term_max=self._lufs(loudest.short_term, SHORT_TERM) if finite else math.nan,
            loudness_range=loudness.loudness_range(hops, self._rate) if finite else math.nan,
            true_peak=peak.decibels(peaks.true),
            sample_peak=peak.decibels(peaks.sample),
            powers=powers,
        )

    def _energies(self, tile: NDArray[np.float32]) -> NDArray[np.float64]:
        return energies(tile, self._tiles.lead, self._biquads, self._weights)

    def _peaks_after(self, tile: NDArray[np.float32]) -> peak.Peaks:
        return self._peaks.after(tile[:, self._tiles.lead - peak.CONTEXT :], peak.oversampling(self._rate))

    def _lufs(self, energy: float, steps: int) -> float:
        return loudness.to_lufs(energy / (steps * hop_frames(self._rate) / STEPS))


@dataclass(frozen=True)
class _Loudest:
    """The greatest energies of whole windows so far, one every 10 ms; nan where there was none yet."""

    momentary: float = math.nan
    short_term: float = math.nan
    recent: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def after(self, steps: NDArray[np.float64]) -> _Loudest:
        steps = np.concatenate([self.recent, steps])
        return _Loudest(
            _fmax(self.momentary, sliding(steps, MOMENTARY)),
            _fmax(self.short_term, sliding(steps, SHORT_TERM)),
            steps[1 - SHORT_TERM :],
        )


def _fmax(known: float, more: NDArray[np.float64]) -> float:
    return float(np.fmax(known, np.fmax.reduce(more, initial=math.nan)))


def sliding(steps: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Sums over a window that moves by one step, of whole hops: first of each hop, then of those.

    Shape:
        - steps: `[steps]`
        - output: `[steps - window + 1]`, none where there are less
    """
    sums = len(steps) - window + 1
    if sums <= 0:
        return np.empty(0)
    hops = np.zeros(sums + window - STEPS)
    for i in range(STEPS):
        hops += steps[i : i + len(hops)]
    total = np.zeros(sums)
    for i in range(0, window, STEPS):
        total += hops[i : i + sums]
    return total

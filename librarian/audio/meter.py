"""All levels of a sound in one pass: after ITU-R BS.1770-5, EBU Tech 3341 (momentary, short-term) and 3342 (range)."""

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
"""Windows of 400 ms and 3 s, in steps of 10 ms: Tech 3341 allows 100, but its cases 10 and 13 ask for the maxima of
sounds that begin anywhere to 0.1 LU."""


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


@dataclass(frozen=True)
class Tally:
    """What is kept of a sound's tiles: a number for each 100 ms, and the greatest of everything else.

    Attributes:
        peaks: of all tiles; None where nobody looks for them.
    """

    peaks: peak.Peaks | None = field(default_factory=peak.Peaks)
    _hops: tuple[NDArray[np.float64], ...] = ()
    _recent: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    _momentary: float = math.nan
    _short_term: float = math.nan

    def after(self, steps: NDArray[np.float64], peaks: peak.Peaks | None) -> Tally:
        """With one more tile.

        Args:
            steps: its energies, see `librarian.audio.energies.energies`.
            peaks: of it, or of it and what came before.

        Shape:
            - steps: `[steps]`; whole hops in every tile but the last
        """
        recent = np.concatenate([self._recent, steps])
        return Tally(
            self.peaks and peaks and self.peaks.joined(peaks),
            (*self._hops, loudness.hop_energies(steps)),
            recent[1 - SHORT_TERM :],
            _greatest(self._momentary, sliding(recent, MOMENTARY)),
            _greatest(self._short_term, sliding(recent, SHORT_TERM)),
        )

    def levels(self, rate: int) -> Levels:
        """The levels of all tiles, of a sound at `rate` Hz."""
        hops = np.concatenate([np.empty(0), *self._hops])
        powers = loudness.gating_powers(hops, rate)
        peaks = self.peaks or peak.Peaks(math.nan, math.nan)
        finite = math.isfinite(self.peaks.sample if self.peaks else hops.sum())
        return Levels(
            integrated=loudness.gated(powers) if finite and powers.size else math.nan,
            momentary_max=_lufs(self._momentary, MOMENTARY, rate) if finite else math.nan,
            short_term_max=_lufs(self._short_term, SHORT_TERM, rate) if finite else math.nan,
            loudness_range=loudness.loudness_range(hops, rate) if finite else math.nan,
            true_peak=peak.decibels(peaks.true),
            sample_peak=peak.decibels(peaks.sample),
            powers=powers,
        )


def _lufs(energy: float, steps: int, rate: int) -> float:
    """Loudness (LUFS) of a window of so many steps."""
    return loudness.to_lufs(energy / (steps * hop_frames(rate) / STEPS))


class Meter:
    """Measures a sound that comes in blocks; the result does not depend on their sizes, to the last bit.

    It works through 19 s of sound at a time (less where channels are many and the rate is high), in one thread whose
    kernels run without the GIL. The first one on a machine compiles them, which takes some seconds.

    Args:
        rate: Hz, 4000 or more.
        weights: of the channels, see `librarian.audio.layout.weights`.
        peaks: whether to look for them; else they are nan, and samples that are not finite go unseen in a channel
            without weight and in the last 100 ms.

    Raises:
        ValueError: the rate is below 4000 Hz.

    >>> meter = Meter(48000, (1.0,))
    >>> meter.add(np.sin(2 * np.pi * 997 * np.arange(48000) / 48000, dtype=np.float32)[np.newaxis])
    >>> round(meter.levels().integrated, 2)
    -3.01
    """

    def __init__(self, rate: int, weights: Sequence[float], *, peaks: bool = True) -> None:
        self._rate, self._weights = rate, tuple(weights)
        self._biquads = loudness.k_weighting(rate)
        self._tiles = Tiles(rate, len(self._weights))
        self._tally = Tally(peak.Peaks() if peaks else None)

    def add(self, samples: NDArray[np.floating] | NDArray[np.int16]) -> None:
        """Take a block: floats, or whole numbers of 16 bits, which measure like the floats that they stand for.

        Shape:
            - samples: `[channels, frames]`

        Raises:
            ValueError: they are not `[channels, frames]` with as many channels as there are weights.
        """
        for tile in self._tiles.add(samples):
            self._tally = self._after(tile, tile)

    def levels(self) -> Levels:
        """The levels of what came so far; more may come afterwards."""
        rest = self._tiles.rest()
        return self._after(rest, np.pad(rest, ((0, 0), (0, peak.CONTEXT)))).levels(self._rate)

    def _after(self, tile: NDArray[np.float32], heard: NDArray[np.float32]) -> Tally:
        """The tally with one more tile, whose peaks are looked for in `heard`."""
        steps = energies(tile, self._tiles.lead, self._biquads, self._weights)
        found = self._tally.peaks
        overlapping = heard[:, self._tiles.lead - peak.CONTEXT :]
        return self._tally.after(steps, found and found.after(overlapping, peak.oversampling(self._rate)))


def _greatest(known: float, more: NDArray[np.float64]) -> float:
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

"""What a picture of a recording is drawn from: few numbers, however long it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 2000
"""Of a curve over time."""
HOP_SECONDS = 0.1
QUIETEST, LOUDEST = -70, 6
"""LUFS: the ends of the histogram, a bin each LU."""

_SHORT_TERM_BLOCKS = 27
"""Blocks of 400 ms, one each 100 ms, in 3 s."""


@dataclass(frozen=True)
class Curves:
    """Loudness over time, its histogram, and the spectrum.

    Attributes:
        step: seconds between two points of the loudness.
        momentary: loudness of 400 ms, LUFS; −inf in silence.
        short_term: loudness of 3 s, LUFS.
        shares: of the momentary loudness, by LU from −70 LUFS on; what is quieter is in none.
        frequencies: Hz.
        densities: dB re full scale² per Hz.

    Shape:
        - momentary: `[points]`, at most 2000; the first is for the first `step` seconds and so on
        - short_term: `[points]`, as many; nan where there are no 3 s
        - shares: `[76]`
        - frequencies, densities: `[bands]`, 24 an octave
    """

    step: float
    momentary: NDArray[np.float64]
    short_term: NDArray[np.float64]
    shares: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    densities: NDArray[np.float64]


def curves(powers: NDArray[np.float64], spectrum: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Curves:
    """The curves of a sound that was measured.

    Where there are more points than are drawn, each is the greatest of those that it stands for.

    Args:
        powers: of the gating blocks, see `meter.Levels`.
        spectrum: see `bandwidth.Spectrum.bands`.

    Shape:
        - powers: `[blocks]`
    """
    group = max(1, math.ceil(powers.size / MOST_POINTS))
    momentary = lufs(powers)
    edges = np.arange(QUIETEST, LOUDEST + 1)
    counts, _ = np.histogram(momentary[np.isfinite(momentary)], edges)
    return Curves(
        step=group * HOP_SECONDS,
        momentary=_thinned(momentary, group),
        short_term=_thinned(lufs(short_term(powers)), group),
        shares=counts / max(1, powers.size),
        frequencies=spectrum[0],
        densities=spectrum[1],
    )


def lufs(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loudness of each power, ITU-R BS.1770, eq. (2); −inf for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10.0 * np.log10(powers))


def short_term(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of the 3 s that end with each block of 400 ms: seven blocks, and half of an eighth.

    The eighth stands for the 200 ms that are left: this is exact to some tenths of a LU, enough to look at.

    Shape:
        - powers: `[blocks]`
        - output: `[blocks]`, nan where there are no 3 s yet
    """
    found = np.full(powers.size, math.nan)
    starts = powers.size - _SHORT_TERM_BLOCKS + 1
    if starts > 0:
        whole = sum(powers[block : block + starts] for block in range(0, _SHORT_TERM_BLOCKS - 2, 4))
        found[_SHORT_TERM_BLOCKS - 1 :] = (4.0 * whole + 2.0 * powers[_SHORT_TERM_BLOCKS - 1 :]) / 30.0
    return found


def _thinned(values: NDArray[np.float64], group: int) -> NDArray[np.float64]:
    if group == 1 or not values.size:
        return values
    return np.asarray(np.fmax.reduceat(values, np.arange(0, values.size, group)))

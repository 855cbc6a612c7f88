"""Sample peak, and true peak after ITU-R BS.1770-4, annex 2. Both linear: 1.0 is full scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import kernel, planar

ENOUGH_RATE = 192_000
"""Hz. Sound is oversampled until its rate reaches this: 4 times below 96 kHz, 2 times below 192 kHz."""

HALF_TAPS = 12
"""Taps on each side of a point between samples."""

KAISER_BETA = 5.0

PASS_BAND = 5 / 12
"""Share of the sample rate up to which interpolation is flat within ±0.03 dB: 20 kHz at 48 kHz."""

BLOCK = 64

_MAGNITUDE = np.uint32(0x7FFFFFFF)


def decibels(amplitude: float) -> float:
    """20 log10 of an amplitude (1.0 = full scale): dBFS of a sample peak, dBTP of a true peak; −inf for 0."""
    return 20.0 * math.log10(amplitude) if amplitude else -math.inf


def amplitude(decibels: float) -> float:
    """Amplitude (1.0 = full scale) of a level in dB."""
    return math.pow(10.0, decibels / 20.0)


def oversampling(rate: int) -> int:
    """How many times a sound of `rate` Hz is oversampled: 4, 2 or 1 (annex 2, 4 at 48 kHz, less above in proportion)."""
    if rate >= ENOUGH_RATE:
        return 1
    return 2 if 2 * rate >= ENOUGH_RATE else 4


def interpolator(offset: float) -> NDArray[np.float64]:
    """A windowed sinc that gives the value at `offset` (0…1) between the two samples in its middle.

    A Kaiser window (β = 5) over 24 taps: flat within ±0.03 dB up to 5/12 of the sample rate. At the samples themselves
    (offset 0) it is the identity, so a true peak is never below the sample peak.

    Shape:
        - output: `[24]`
    """
    distance = np.arange(1 - HALF_TAPS, HALF_TAPS + 1) - offset
    window = np.i0(KAISER_BETA * np.sqrt(1.0 - (distance / HALF_TAPS) ** 2)) / np.i0(KAISER_BETA)
    return np.asarray(np.sinc(distance) * window)


def _folded(factor: int) -> tuple[NDArray[np.float64], float]:
    """Taps for sums and differences of samples that lie symmetrically, and the largest gain a sample peak can get.

    The quarter points mirror each other: with e and o the even and odd part of one's filter they are e ± o, and the
    greater of the two is |e| + |o|. The point in the middle is even.

    Shape:
        - output: `[3, 12]`: e, o, middle
    """
    middle = interpolator(0.5)
    quarter = interpolator(0.25) if factor == 4 else np.zeros_like(middle)  # noqa: PLR2004
    taps = np.array([quarter + quarter[::-1], quarter - quarter[::-1], 2.0 * middle]) / 2.0
    gain = max(np.abs(quarter).sum(), np.abs(middle).sum())
    return np.ascontiguousarray(taps[:, :HALF_TAPS]), float(gain)


@kernel
def _block_peaks(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greatest magnitude of each block; NaN where it holds one.

    Without their sign, the bits of floats are ordered like integers, NaN on top, and integers are vectorised.
    """
    bits = x.view(np.uint32)
    peaks = np.zeros((x.size + BLOCK - 1) // BLOCK, np.uint32)
    for block in range(peaks.size):
        greatest = np.uint32(0)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, x.size)):
            greatest = max(greatest, bits[i] & _MAGNITUDE)
        peaks[block] = greatest
    return peaks.view(np.float32)


@kernel
def _gather(x: NDArray[np.float32], start: int, window: NDArray[np.float64]) -> None:
    """Copy `x[start:]` to the window; before and after x lies silence."""
    for i in range(window.size):
        window[i] = x[start + i] if 0 <= start + i < x.size else 0.0


@kernel
def _interpolate(window: NDArray[np.float64], taps: NDArray[np.float64], points: NDArray[np.float64]) -> None:
    """The greatest magnitude at the points between each two samples."""
    for i in range(BLOCK):
        even, odd, middle = 0.0, 0.0, 0.0
        for tap in range(HALF_TAPS):
            left, right = window[i + tap], window[i + 2 * HALF_TAPS - 1 - tap]
            even += taps[0, tap] * (left + right)
            odd += taps[1, tap] * (left - right)
            middle += taps[2, tap] * (left + right)
        points[i] = max(abs(even) + abs(odd), abs(middle))


@kernel
def _search(
    x: NDArray[np.float32],
    order: NDArray[np.int64],
    bounds: NDArray[np.float64],
    taps: NDArray[np.float64],
    best: float,
) -> float:
    """Interpolate block after block, greatest bound first, until no bound is above what was found."""
    window = np.empty(BLOCK + 2 * HALF_TAPS - 1)
    points = np.empty(BLOCK)
    for block in order:
        if bounds[block] <= best:
            break
        _gather(x, (block - 1) * BLOCK + 1 - HALF_TAPS, window)
        _interpolate(window, taps, points)
        best = max(best, points.max())
    return best


def _bounds(peaks: NDArray[np.float32], gain: float) -> NDArray[np.float64]:
    """What no point in a block can exceed: the peak of the block and its two neighbours times the filter's gain.

    One block more on each side, for the ringing of a sound that starts or ends abruptly.
    """
    padded = np.pad(peaks.astype(np.float64), 2)
    rounding = 1.0 + 1e-9
    return np.asarray(np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:]) * (gain * rounding))


def sample_peak(samples: NDArray[np.float32]) -> float:
    """Greatest magnitude of all samples.

    Shape:
        - samples: `[channels, frames]`, any number of either

    Returns:
        Linear, 1.0 = full scale; 0 without samples, nan where a sample is NaN, else inf where one is infinite.
    """
    return max((float(_block_peaks(channel).max(initial=0.0)) for channel in planar(samples)), default=0.0)


def true_peak(samples: NDArray[np.float32], rate: int) -> float:
    """Greatest magnitude of all channels between the samples too, after ITU-R BS.1770-4, annex 2.

    Args:
        samples: −1…1, or beyond.
        rate: Hz. Sets the oversampling: a tone at a quarter of the rate may read 0.17 dB low at 4 times, and higher
            ones more; that is the standard's own under-read (annex 2, attachment 1).

    Shape:
        - samples: `[channels, frames]`, any number of either

    Returns:
        Linear, 1.0 = full scale, never below `sample_peak`; nan or inf like it.
    """
    samples = planar(samples)
    best = sample_peak(samples)
    if oversampling(rate) == 1 or not math.isfinite(best):
        return best
    taps, gain = _folded(oversampling(rate))
    for channel in samples:
        bounds = _bounds(_block_peaks(channel), gain)
        best = _search(channel, np.argsort(-bounds), bounds, taps, best)
    return best

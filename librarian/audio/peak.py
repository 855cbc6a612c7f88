"""Sample peak, and true peak after ITU-R BS.1770-5, annex 2. Both linear: 1.0 is full scale."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import planar
from librarian.compiled import kernel

ENOUGH_RATE = 192_000
"""Hz. Sound is oversampled until its rate reaches this: 4 times below 96 kHz, 2 times below 192 kHz."""

HALF_TAPS = 8
"""Taps on each side of a point between samples."""

CONTEXT = 2 * HALF_TAPS - 1
"""Samples that have to be there before the first point of a piece can be told."""

KAISER_BETA = 5.0

BLOCK = 64

MAGNITUDE = np.int32(0x7FFFFFFF)
"""All bits of a float32 but its sign."""


def decibels(amplitude: float) -> float:
    """20 log10 of an amplitude (1.0 = full scale): dBFS of a sample peak, dBTP of a true peak; −inf for 0."""
    return 20.0 * math.log10(amplitude) if amplitude else -math.inf


def amplitude(decibels: float) -> float:
    """Amplitude (1.0 = full scale) of a level in dB."""
    return math.pow(10.0, decibels / 20.0)


def oversampling(rate: int) -> int:
    """How many times a sound of `rate` Hz is oversampled: 4, 2 or 1 (annex 2: 4 at 48 kHz, 2 at 96 kHz)."""
    if rate >= ENOUGH_RATE:
        return 1
    return 2 if 2 * rate >= ENOUGH_RATE else 4


def interpolator(offset: float) -> NDArray[np.float64]:
    """A windowed sinc for the value at `offset` (0…1) between the two samples in its middle.

    A Kaiser window over 16 taps: flat within ±0.04 dB up to 0.4 of the sample rate (19.2 kHz at 48 kHz),
    where the coefficients printed in annex 2 stray by ±0.2 dB. At the samples themselves it is the identity,
    so that a true peak is never below the sample peak.

    Shape:
        - output: `[16]`
    """
    distance = np.arange(1 - HALF_TAPS, HALF_TAPS + 1) - offset
    window = np.i0(KAISER_BETA * np.sqrt(1.0 - (distance / HALF_TAPS) ** 2)) / np.i0(KAISER_BETA)
    return np.asarray(np.sinc(distance) * window)


@functools.cache
def _folded(factor: int) -> tuple[NDArray[np.float64], float]:
    """Taps for sums and differences of samples that lie symmetrically, and the most they can raise a peak.

    The points at ¼ and ¾ mirror each other: with e and o the even and odd part of one's taps they are e + o
    and e − o, and the greater of the two is |e| + |o|. The point in the middle is even.

    Shape:
        - output: `[3, 8]`: e, o, middle
    """
    middle = interpolator(1 / 2)
    quarter = interpolator(1 / 4) if factor > 2 else np.zeros_like(middle)  # noqa: PLR2004
    taps = np.array([(quarter + quarter[::-1]) / 2, (quarter - quarter[::-1]) / 2, middle])
    gain = max(np.abs(quarter).sum(), np.abs(middle).sum())
    return np.ascontiguousarray(taps[:, :HALF_TAPS]), float(gain)


def _block_peaks(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greatest magnitude of each 64 samples; NaN where one of them is."""
    peaks = np.zeros(-(-x.size // BLOCK), np.float32)
    _find_block_peaks(x.view(np.int32), peaks.view(np.int32))
    return peaks


@kernel
def _find_block_peaks(bits: NDArray[np.int32], peaks: NDArray[np.int32]) -> None:
    """Without their sign the bits of floats are ordered like integers, NaN on top, and integers vectorise."""
    whole = bits.size // BLOCK
    for block in range(whole):
        greatest = np.int32(0)
        for i in range(block * BLOCK, block * BLOCK + BLOCK):
            greatest = max(greatest, np.int32(bits[i] & MAGNITUDE))
        peaks[block] = greatest
    for i in range(whole * BLOCK, bits.size):
        peaks[whole] = max(peaks[whole], np.int32(bits[i] & MAGNITUDE))


@kernel
def _search(
    x: NDArray[np.float32],
    order: NDArray[np.int64],
    bounds: NDArray[np.float64],
    taps: NDArray[np.float64],
    best: float,
    window: NDArray[np.float64],
    points: NDArray[np.float64],
) -> float:
    """Interpolate block after block, greatest bound first, until no bound is above what was found.

    Shape:
        - window: `[BLOCK + CONTEXT]`, to work in
        - points: `[BLOCK]`, to work in
    """
    last = x.size - CONTEXT
    for block in order:
        if bounds[block] <= best:
            break
        start = block * BLOCK
        for i in range(window.size):
            window[i] = x[start + i] if start + i < x.size else 0.0
        for i in range(BLOCK):
            even, odd, middle = 0.0, 0.0, 0.0
            for tap in range(HALF_TAPS):
                left, right = window[i + tap], window[i + 2 * HALF_TAPS - 1 - tap]
                even += taps[0, tap] * (left + right)
                odd += taps[1, tap] * (left - right)
                middle += taps[2, tap] * (left + right)
            points[i] = max(abs(even) + abs(odd), abs(middle))
        for i in range(min(BLOCK, last - start)):
            best = max(best, points[i])
    return best


@dataclass(frozen=True)
class Peaks:
    """The greatest magnitudes of what was looked at so far, linear: 1.0 is full scale.

    Attributes:
        sample: nan where a sample was NaN, else inf where one was infinite.
        true: between the samples too; nan or inf like `sample`.
    """

    sample: float = 0.0
    true: float = 0.0

    def after(self, samples: NDArray[np.float32], factor: int) -> Peaks:
        """With some more of the sound.

        A point between two samples needs 8 samples on each side, so pieces have to overlap by `CONTEXT` samples;
        the first starts and the last ends with as many zeros.

        Args:
            samples: −1…1, or beyond.
            factor: of oversampling; 1 leaves it out.

        Shape:
            - samples: `[channels, frames]`
        """
        blocks = [_block_peaks(channel) for channel in samples]
        sample = float(np.max([self.sample, *(channel.max(initial=0.0) for channel in blocks)]))
        true = max(self.true, sample) if math.isfinite(sample) else sample
        if factor > 1 and math.isfinite(true):
            for channel, peaks in zip(samples, blocks, strict=True):
                true = _highest_point(channel, peaks, factor, true)
        return Peaks(sample, true)

    def joined(self, other: Peaks) -> Peaks:
        """The greater of each."""
        return Peaks(float(np.maximum(self.sample, other.sample)), float(np.maximum(self.true, other.true)))


def _highest_point(x: NDArray[np.float32], peaks: NDArray[np.float32], factor: int, best: float) -> float:
    """The greatest magnitude of one channel between the samples, where it is above `best`.

    Blocks of points are left out where the samples are too small for `best`.
    """
    taps, gain = _folded(factor)
    rounding = 1.0 + 1e-9
    points = max(0, x.size - CONTEXT)
    reach = np.maximum(peaks, np.append(peaks[1:], np.float32(0.0)))[: -(-points // BLOCK)]
    bounds = reach * (gain * rounding)
    promising = np.flatnonzero(bounds > best)
    order = promising[np.argsort(-bounds[promising])]
    return float(_search(x, order, bounds, taps, best, np.empty(BLOCK + CONTEXT), np.empty(BLOCK)))


def sample_peak(samples: NDArray[np.float32]) -> float:
    """Greatest magnitude of all samples.

    Shape:
        - samples: `[channels, frames]`, any number of either

    Returns:
        Linear, 1.0 = full scale; 0 without samples, nan where one is NaN, else inf where one is infinite.
    """
    return float(np.max([_block_peaks(channel).max(initial=0.0) for channel in planar(samples)], initial=0.0))


def true_peak(samples: NDArray[np.float32], rate: int) -> float:
    """Greatest magnitude of all channels, between the samples too, after ITU-R BS.1770-5, annex 2.

    Oversampled points still miss crests by a little. At n times a tone of f Hz may read as low as
    20 log10 cos(π f / (n · rate)): −0.17 dB at a quarter of the rate. That is the standard's own under-read.
    libebur128, at the same points with a shorter filter, reads the same within 0.05 dB of what lies below a third of
    the rate, and less of what lies above 0.38 of it.

    Args:
        samples: −1…1, or beyond.
        rate: Hz; it sets the oversampling.

    Shape:
        - samples: `[channels, frames]`, any number of either

    Returns:
        Linear, 1.0 = full scale, never below `sample_peak`; nan or inf like it.
    """
    padded = np.pad(planar(samples), ((0, 0), (CONTEXT, CONTEXT)))
    return Peaks().after(padded, oversampling(rate)).true

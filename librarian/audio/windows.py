"""What each window of 20 ms holds: sums, extremes and steps, from which levels, offsets and suspicions are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel

WINDOWS_PER_SECOND = 50
"""20 ms: as NIST's stnr has them."""
LANES = 16
"""Sums run side by side, so that they vectorise; their order is fixed, so that every machine gives the same bits."""

SUM, SQUARES, GREATEST, LEAST, STILL = range(5)


def window_frames(rate: int) -> int:
    """20 ms in frames, at `rate` Hz."""
    return max(1, round(rate / WINDOWS_PER_SECOND))


@dataclass(frozen=True)
class Windows:
    """Windows of 20 ms, the last one perhaps shorter.

    Shape:
        - frames: `[windows]`
        - sums: `[channels, windows]`
        - squares: `[channels, windows]`
        - greatest, least: `[channels, windows]`
        - still: `[channels, windows]`; samples that are equal to the one before them
    """

    frames: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    greatest: NDArray[np.float64]
    least: NDArray[np.float64]
    still: NDArray[np.int64]

    @property
    def powers(self) -> NDArray[np.float64]:
        """Variance of each window, so that a constant offset is no sound; what rounding leaves of 0 is 0.

        Shape:
            - output: `[channels, windows]`
        """
        means = self.sums / self.frames
        powers = self.squares / self.frames - means * means
        return np.asarray(np.where(self.greatest == self.least, 0.0, np.maximum(powers, 0.0)))


@kernel
def _statistics(
    samples: NDArray[np.float32],
    before: NDArray[np.float32],
    window: int,
    sums: NDArray[np.float64],
    extremes: NDArray[np.float32],
    still: NDArray[np.int32],
    found: NDArray[np.float64],
) -> None:
    """SUM, SQUARES, GREATEST, LEAST and STILL of each window.

    Shape:
        - sums, extremes: `[2, LANES]`, to work in
        - still: `[LANES]`, to work in
        - found: `[5, channels, windows]`
    """
    for channel in range(samples.shape[0]):
        x = samples[channel]
        for number in range(found.shape[2]):
            start = number * window
            end = min(start + window, x.size)
            for lane in range(LANES):
                sums[0, lane], sums[1, lane], still[lane] = 0.0, 0.0, 0
                extremes[0, lane], extremes[1, lane] = x[start], x[start]
            if x[start] == (x[start - 1] if start else before[channel]):
                still[0] = 1
            first = start + 1
            whole = first + (end - first) // LANES * LANES
            sums[0, 0], sums[1, 0] = x[start], np.float64(x[start]) * x[start]
            for i in range(first, whole, LANES):
                for lane in range(LANES):
                    v = x[i + lane]
                    w = np.float64(v)
                    sums[0, lane] += w
                    sums[1, lane] += w * w
                    extremes[0, lane] = v if v > extremes[0, lane] else extremes[0, lane]
                    extremes[1, lane] = v if v < extremes[1, lane] else extremes[1, lane]
                    still[lane] += np.int32(v == x[i + lane - 1])
            for i in range(whole, end):
                v = x[i]
                sums[0, 0] += v
                sums[1, 0] += np.float64(v) * v
                extremes[0, 0] = max(extremes[0, 0], v)
                extremes[1, 0] = min(extremes[1, 0], v)
                still[0] += np.int32(v == x[i - 1])
            for lane in range(1, LANES):
                sums[0, 0] += sums[0, lane]
                sums[1, 0] += sums[1, lane]
                extremes[0, 0] = max(extremes[0, 0], extremes[0, lane])
                extremes[1, 0] = min(extremes[1, 0], extremes[1, lane])
                still[0] += still[lane]
            found[SUM, channel, number], found[SQUARES, channel, number] = sums[0, 0], sums[1, 0]
            found[GREATEST, channel, number], found[LEAST, channel, number] = extremes[0, 0], extremes[1, 0]
            found[STILL, channel, number] = still[0]


def windows_of(samples: NDArray[np.float32], before: NDArray[np.float32], window: int) -> Windows:
    """The windows of a sound.

    Args:
        samples: at least one frame.
        before: the sample before, of each channel.
        window: frames in each; the last has what is left.

    Shape:
        - samples: `[channels, frames]`
        - before: `[channels]`
    """
    channels, length = samples.shape
    found = np.empty((5, channels, -(-length // window)))
    sums, extremes = np.empty((2, LANES)), np.empty((2, LANES), np.float32)
    _statistics(samples, before, window, sums, extremes, np.empty(LANES, np.int32), found)
    frames = np.full(found.shape[2], window)
    frames[-1] = length - window * (frames.size - 1)
    return Windows(
        frames=frames,
        sums=found[SUM],
        squares=found[SQUARES],
        greatest=found[GREATEST],
        least=found[LEAST],
        still=found[STILL].astype(np.int64),
    )


def pair_sums(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[float, bool]:
    """Sum of the products of two channels, and whether they differ anywhere.

    Shape:
        - x, y: `[frames]`
    """
    products, different = np.zeros(LANES), np.zeros(LANES, np.int32)
    _pair_sums(x, y, products, different)
    return float(products.sum()), bool(different.any())


@kernel
def _pair_sums(
    x: NDArray[np.float32], y: NDArray[np.float32], products: NDArray[np.float64], different: NDArray[np.int32]
) -> None:
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        for lane in range(LANES):
            products[lane] += np.float64(x[i + lane]) * np.float64(y[i + lane])
            different[lane] |= np.int32(x[i + lane] != y[i + lane])
    for i in range(whole, x.size):
        products[0] += np.float64(x[i]) * np.float64(y[i])
        different[0] |= np.int32(x[i] != y[i])

"""How high a sound rises between its samples, a value for each: what a limiter has to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.audio import peak
from librarian.compiled import kernel

HALF_TAPS = 16
"""Taps on each side of a point between samples, twice those of the meter: flat up to 0.45 of the sample rate."""

CONTEXT = 2 * HALF_TAPS - 1
"""Samples that have to be there before the first crest can be told."""

FACTOR = 8
"""Points for each sample. A tone of a quarter of the rate hides 0.04 dB between them at the most, any tone 0.17 dB."""

KAISER_BETA = 5.0

BLOCK = 64

CAUTION = 1.0 + 1e-6
"""More than rounding can raise a sum: whether a block is left out is never a matter of where blocks begin."""


def interpolators() -> tuple[NDArray[np.float32], float]:
    """Even and odd halves of the filters for ½, ⅜, ¼ and ⅛, and for the meter's ½ and ¼; and their greatest gain.

    The points at t and 1 − t mirror each other: with e and o the even and odd part of one's taps they are e + o
    and e − o, and the greater of the two is |e| + |o|. The meter's own points (`peak.interpolator`) are among them,
    so that it can see nothing that is not seen here.

    Shape:
        - output: `[6, 2, 16]`: point; even, odd; tap
    """
    fine = [_windowed_sinc(step / FACTOR) for step in range(FACTOR // 2, 0, -1)]
    meters = [np.pad(peak.interpolator(offset), HALF_TAPS - peak.HALF_TAPS) for offset in (1 / 2, 1 / 4)]
    taps = np.array(fine + meters)
    halves = np.stack([taps + taps[:, ::-1], taps - taps[:, ::-1]], axis=1)[:, :, :HALF_TAPS] / 2
    return np.ascontiguousarray(halves, dtype=np.float32), float(np.abs(taps).sum(axis=1).max()) * CAUTION


def _windowed_sinc(offset: float) -> NDArray[np.float64]:
    distance = np.arange(1 - HALF_TAPS, HALF_TAPS + 1) - offset
    window = np.i0(KAISER_BETA * np.sqrt(1.0 - (distance / HALF_TAPS) ** 2)) / np.i0(KAISER_BETA)
    return np.asarray(np.sinc(distance) * window)


def workspace() -> NDArray[np.float32]:
    """What `raise_to_crests` works in.

    Shape:
        - output: `[3, 16, 64]`: sums, differences, points
    """
    return np.zeros((3, HALF_TAPS, BLOCK), np.float32)


@kernel
def raise_to_crests(
    x: NDArray[np.float32],
    threshold: float,
    halves: NDArray[np.float32],
    gain: float,
    work: NDArray[np.float32],
    crests: NDArray[np.float32],
) -> None:
    """Raise crests to those of a channel. Stretches that cannot rise above a threshold are passed by.

    Args:
        x: the channel, with 15 samples before the first crest and 16 after the last.
        threshold: linear.
        halves: see `interpolators`.
        gain: see `interpolators`.
        work: see `workspace`.
        crests: greatest magnitude of each sample and of the points from it to the next, linear; overwritten.

    Shape:
        - x: `[frames + 31]`
        - crests: `[frames]`
    """
    bits = x.view(np.int32)
    sums, differences, points = work[0], work[1], work[2, 0]
    for start in range(0, crests.size, BLOCK):
        frames = min(BLOCK, crests.size - start)
        greatest = np.int32(0)
        for i in range(start, start + frames + CONTEXT):
            greatest = max(greatest, np.int32(bits[i] & peak.MAGNITUDE))
        if np.int32(greatest).view(np.float32) * gain <= threshold:
            continue
        for tap in range(HALF_TAPS):
            for i in range(frames):
                left, right = x[start + i + tap], x[start + i + CONTEXT - tap]
                sums[tap, i] = left + right
                differences[tap, i] = left - right
        for i in range(frames):
            points[i] = abs(x[start + i + HALF_TAPS - 1])
        for point in range(halves.shape[0]):
            for i in range(BLOCK):
                even, odd = np.float32(0), np.float32(0)
                for tap in range(HALF_TAPS):
                    even += halves[point, 0, tap] * sums[tap, i]
                    odd += halves[point, 1, tap] * differences[tap, i]
                points[i] = max(points[i], abs(even) + abs(odd))
        for i in range(frames):
            crests[start + i] = max(crests[start + i], points[i])

"""BS.1770 and EBU Tech 3342 written down naively in float64, one window after another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]


def k_weighted(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Both analog filters through the bilinear transform, the whole of each channel through both."""
    k = 2 * rate * math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (3.999843853973347 / 20)
    shelf = signal.bilinear(
        [high, high**0.4996667741545416 * k / 0.7071752369554196, k * k],
        [1, k / 0.7071752369554196, k * k],
        rate,
    )
    k = 2 * rate * math.tan(math.pi * 38.13547087602444 / rate)
    _, poles = signal.bilinear([1, 0, 0], [1, k / 0.5003270373238773, k * k], rate)
    return np.asarray(signal.lfilter([1, -2, 1], poles, signal.lfilter(*shelf, samples.astype(np.float64))))


def lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power else -math.inf


def windows(samples: Samples, rate: int, weights: Sequence[float], hops: int, every: int = 1) -> list[float]:
    """Loudness of windows of so many hops of 100 ms, one every tenth part of a hop or every `every` tenths."""
    hop = int(rate / 10 + 0.5)
    energy = np.cumsum(np.pad(np.asarray(weights) @ k_weighted(samples, rate) ** 2, (1, 0)))
    starts = [hop * (i // 10) + hop * (i % 10) // 10 for i in range(0, 10 * (samples.shape[1] // hop + 1), every)]
    length = hops * hop
    return [lufs((energy[s + length] - energy[s]) / length) for s in starts if s + length <= samples.shape[1]]


def mean(levels: Sequence[float]) -> float:
    """Of the powers of levels in LUFS."""
    return lufs(float(np.mean([10 ** ((level + 0.691) / 10) for level in levels])))


def integrated(samples: Samples, rate: int, weights: Sequence[float]) -> float:
    blocks = [level for level in windows(samples, rate, weights, 4, 10) if level > -70]
    gate = mean(blocks) - 10
    return mean([level for level in blocks if level > gate])


def loudness_range(samples: Samples, rate: int, weights: Sequence[float]) -> float:
    levels = [level for level in windows(samples, rate, weights, 30, 10) if level >= -70]
    gate = mean(levels) - 20
    counted = sorted(level for level in levels if level >= gate)
    low, high = (counted[round((len(counted) - 1) * part)] for part in (0.10, 0.95))
    return high - low


def libebur128_true_peak(samples: Samples, factor: int) -> float:
    """A sinc of 12 taps a point under a Hann window, as the C library has it; linear."""
    taps = np.arange(49)
    kernel = np.sinc((taps - 24) / factor) * (0.5 - 0.5 * np.cos(2 * np.pi * taps / 48))
    return float(
        max(np.abs(signal.upfirdn(kernel, channel.astype(np.float64), up=factor)).max() for channel in samples)
    )

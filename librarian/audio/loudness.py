"""Loudness after ITU-R BS.1770-5, annex 1 (K-weighting, blocks of 400 ms, two gates), and its range."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from librarian.audio.energies import STEPS, energies
from librarian.audio.tiles import Tiles, hop_frames

LOWEST_RATE = 4000
"""Hz. Below it the shelf of the K-weighting at 1.7 kHz comes too near half the sample rate."""

ABSOLUTE_GATE = -70.0
"""LUFS, eq. (5)."""

RELATIVE_GATE = -10.0
"""LU under the loudness of what passes the absolute gate, eq. (6)."""

HOPS_PER_BLOCK = 4
"""Blocks of 400 ms overlap by 75 %: one starts every 100 ms."""

HOPS_PER_SHORT_TERM = 30
"""The short-term loudness is that of the last 3 s."""

RANGE_GATE = -20.0
"""LU under the loudness of what passes the absolute gate, EBU Tech 3342."""

RANGE_PERCENTILES = (0.10, 0.95)

CHANNEL_WEIGHTS: Mapping[int, tuple[float, ...]] = {1: (1.0,), 2: (1.0, 1.0)}
"""G of eq. (2) by number of channels: mono and stereo. Layouts with surround channels (1.41) belong here."""

ROUNDS = 10


def block_frames(rate: int) -> int:
    """400 ms in frames, at `rate` Hz: the shortest sound that has an integrated loudness."""
    return HOPS_PER_BLOCK * hop_frames(rate)


def k_weighting(rate: int) -> NDArray[np.float64]:
    """The two biquads of the K-weighting, derived for one sample rate.

    The standard prints them for 48 kHz (tables 1 and 2). Here the analog filters behind those numbers go
    through the bilinear transform, each prewarped at its own corner. The high-pass keeps the printed
    numerator 1, −2, 1 at every rate, as libebur128 and ffmpeg do, so that meters agree. Its pass band thus
    rises a little where the rate falls: against 48 kHz by 0.004 dB at 44.1 kHz and by 0.21 dB at 8 kHz.

    Args:
        rate: Hz, 4000 or more.

    Shape:
        - output: `[2, 5]`: shelf and high-pass, each b0, b1, b2, a1, a2 with a0 = 1

    Raises:
        ValueError: the rate is below 4000 Hz.

    >>> k_weighting(48000)[0].round(6).tolist()
    [1.535125, -2.691696, 1.198393, -1.690659, 0.732481]
    """
    if rate < LOWEST_RATE:
        raise ValueError(f"loudness is defined from {LOWEST_RATE} Hz, got {rate} Hz")
    return np.array([_shelf(rate), _high_pass(rate)])


def _shelf(rate: int) -> tuple[float, ...]:
    k = math.tan(math.pi * 1681.974450955533 / rate)
    damping = k / 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    a0 = 1.0 + damping + k * k
    return (
        (high + band * damping + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - band * damping + k * k) / a0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - damping + k * k) / a0,
    )


def _high_pass(rate: int) -> tuple[float, ...]:
    k = math.tan(math.pi * 38.13547087602444 / rate)
    damping = k / 0.5003270373238773
    a0 = 1.0 + damping + k * k
    return 1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - damping + k * k) / a0


def block_powers(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Weighted mean square of each gating block, summed over channels: what eq. (4) takes the logarithm of.

    What is left after the last whole block is not measured, as the standard has it.

    Args:
        samples: −1…1.
        rate: Hz, 4000 or more.

    Shape:
        - samples: `[channels, frames]`, mono or stereo
        - output: `[blocks]`, one every 100 ms

    Raises:
        ValueError: neither mono nor stereo, below 4000 Hz, or shorter than 400 ms.
    """
    channels = len(samples)
    if channels not in CHANNEL_WEIGHTS:
        raise ValueError(f"loudness of {channels} channels is not defined here, only of mono and stereo")
    tiles, biquads = Tiles(rate, channels), k_weighting(rate)
    parts = [energies(tile, tiles.lead, biquads, CHANNEL_WEIGHTS[channels]) for tile in tiles.add(samples)]
    parts.append(energies(tiles.rest(), tiles.lead, biquads, CHANNEL_WEIGHTS[channels]))
    powers = gating_powers(hop_energies(np.concatenate(parts)), rate)
    if not powers.size:
        raise ValueError(f"shorter than one gating block of 400 ms ({samples.shape[1]} frames at {rate} Hz)")
    return powers


def hop_energies(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squares over each whole 100 ms, from those over 10 ms.

    Shape:
        - steps: `[steps]`, see `librarian.audio.energies.energies`
        - output: `[hops]`
    """
    whole = steps[: len(steps) // STEPS * STEPS]
    return np.asarray(whole.reshape(-1, STEPS).sum(axis=1))


def gating_powers(hops: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Mean square of each 400 ms, one every 100 ms; none where there are less than 4 hops.

    Shape:
        - hops: `[hops]`, see `hop_energies`
        - output: `[blocks]`
    """
    return _windows(hops, HOPS_PER_BLOCK) / block_frames(rate)


def _windows(hops: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    if len(hops) < length:
        return np.empty(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(hops, length).sum(axis=1))


def to_lufs(power: float) -> float:
    """Loudness (LUFS) of a weighted mean square, eq. (2); −inf for 0."""
    return -0.691 + 10.0 * math.log10(power) if power else -math.inf


def to_power(lufs: float) -> float:
    """Weighted mean square of a loudness (LUFS): eq. (2) the other way round."""
    return math.pow(10.0, (lufs + 0.691) / 10.0)


def gated(powers: NDArray[np.float64]) -> float:
    """Loudness (LUFS) of the blocks that pass the absolute and the relative gate, eq. (5) to (7).

    Shape:
        - powers: `[blocks]`, see `block_powers`

    Returns:
        LUFS; −inf where no block is louder than −70 LUFS.
    """
    heard = powers[powers > to_power(ABSOLUTE_GATE)]
    if not heard.size:
        return -math.inf
    relative = to_power(to_lufs(float(heard.mean())) + RELATIVE_GATE)
    return to_lufs(float(heard[heard > relative].mean()))


def loudness_range(hops: NDArray[np.float64], rate: int) -> float:
    """Loudness range after EBU Tech 3342: how far the soft and the loud parts of a sound lie apart.

    The distance between the 10th and the 95th percentile of the short-term loudness (3 s, every 100 ms), of what
    is above −70 LUFS and not more than 20 LU under the loudness of that. libebur128 looks once a second only, and
    so reads up to 2 LU more or less of half a minute.

    Shape:
        - hops: `[hops]`, see `hop_energies`

    Returns:
        LU; 0 where nothing is above −70 LUFS, nan under 3 s.
    """
    powers = _windows(hops, HOPS_PER_SHORT_TERM) / (HOPS_PER_SHORT_TERM * hop_frames(rate))
    if not powers.size:
        return math.nan
    heard = powers[powers >= to_power(ABSOLUTE_GATE)]
    if not heard.size:
        return 0.0
    counted = np.sort(heard[heard >= to_power(to_lufs(float(heard.mean())) + RANGE_GATE)])
    low, high = (counted[math.floor((len(counted) - 1) * part + 0.5)] for part in RANGE_PERCENTILES)
    return to_lufs(high) - to_lufs(low)


def gain_for(powers: NDArray[np.float64], target: float) -> float:
    """The gain (dB) after which blocks have a loudness of `target` (LUFS).

    It is not always the difference: the absolute gate does not move with the gain, so that amplified room
    noise starts to count and attenuated whispers cease to. Each round makes up for what the last one missed;
    where the gates jump over the target, the nearest is returned.

    Args:
        powers: see `block_powers`; some block is louder than −70 LUFS.
        target: LUFS.

    Shape:
        - powers: `[blocks]`
    """
    best = gain = target - gated(powers)
    error = math.inf
    for _ in range(ROUNDS):
        missing = target - gated(powers * math.pow(10.0, gain / 10.0))
        if not abs(missing) < abs(error):
            break
        best, error = gain, missing
        gain += missing
    return best


def integrated(samples: NDArray[np.float32], rate: int) -> float:
    """Integrated loudness after ITU-R BS.1770-4, over the whole of the sound.

    Args:
        samples: −1…1.
        rate: Hz, 4000 or more.

    Shape:
        - samples: `[channels, frames]`, mono or stereo

    Returns:
        LUFS; −inf where nothing is louder than −70 LUFS, nan where a measured sample is not finite.

    Raises:
        ValueError: neither mono nor stereo, below 4000 Hz, or shorter than 400 ms (`block_frames`).

    >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000, dtype=np.float32)
    >>> round(integrated(tone[np.newaxis], 48000), 2)
    -3.01
    """
    powers = block_powers(samples, rate)
    return gated(powers) if np.isfinite(powers).all() else math.nan

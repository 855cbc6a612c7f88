"""Integrated loudness after ITU-R BS.1770-4, annex 1: K-weighting, blocks of 400 ms, two gates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import kernel, planar

LOWEST_RATE = 4000
"""Hz. Below it the shelf of the K-weighting at 1.7 kHz comes too near half the sample rate."""

ABSOLUTE_GATE = -70.0
"""LUFS, eq. (5)."""

RELATIVE_GATE = -10.0
"""LU under the loudness of what passes the absolute gate, eq. (6)."""

HOPS_PER_BLOCK = 4
"""Blocks of 400 ms overlap by 75 %: one starts every 100 ms."""

CHANNEL_WEIGHTS: Mapping[int, tuple[float, ...]] = {1: (1.0,), 2: (1.0, 1.0)}
"""G of eq. (2) by number of channels: mono and stereo. Layouts with surround channels (1.41) belong here."""

ROUNDS = 10

LANES = 16
TILE = 128

INAUDIBLE = 1e-30
"""Added to every sample: without it the filters decay to subnormal numbers in silence, at half the speed."""


def hop_frames(rate: int) -> int:
    """100 ms in frames, at `rate` Hz."""
    return (rate + 5) // 10


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


@kernel
def _hop_energies(x: NDArray[np.float32], hop: int, biquads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squares of the K-weighted signal over each 100 ms.

    A recursion cannot be vectorised along time, so the signal is cut into 16 stretches that run side by side.
    Each starts 100 ms early: by then the slowest pole, at 38 Hz, has forgotten what was before (−200 dB).
    """
    b0, b1, b2, a1, a2 = biquads[0, 0], biquads[0, 1], biquads[0, 2], biquads[0, 3], biquads[0, 4]
    d1, d2 = biquads[1, 3], biquads[1, 4]
    hops = x.size // hop
    steps = (hops + LANES - 1) // LANES
    energies = np.zeros(steps * LANES)
    state = np.zeros((5, LANES))
    tile = np.zeros((TILE, LANES), np.float32)
    for step in range(-1, steps):
        for offset in range(0, hop, TILE):
            frames = min(TILE, hop - offset)
            for lane in range(LANES):
                index = lane * steps + step
                start = index * hop + offset
                if 0 <= index < hops:
                    for i in range(frames):
                        tile[i, lane] = x[start + i]
                else:
                    for i in range(frames):
                        tile[i, lane] = 0.0
            for i in range(frames):
                for lane in range(LANES):
                    v = np.float64(tile[i, lane]) + INAUDIBLE
                    y = b0 * v + state[0, lane]
                    state[0, lane] = b1 * v - a1 * y + state[1, lane]
                    state[1, lane] = b2 * v - a2 * y
                    z = y + state[2, lane]
                    state[2, lane] = state[3, lane] - 2.0 * y - d1 * z
                    state[3, lane] = y - d2 * z
                    state[4, lane] += z * z
        for lane in range(LANES):
            if step >= 0:
                energies[lane * steps + step] = state[4, lane]
            state[4, lane] = 0.0
    return energies[:hops]


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
    samples = planar(samples)
    channels, frames = samples.shape
    if channels not in CHANNEL_WEIGHTS:
        raise ValueError(f"loudness of {channels} channels is not defined here, only of mono and stereo")
    if frames < block_frames(rate):
        raise ValueError(f"shorter than one gating block of 400 ms ({frames} frames at {rate} Hz)")
    biquads = k_weighting(rate)
    hops = np.zeros(frames // hop_frames(rate))
    for weight, channel in zip(CHANNEL_WEIGHTS[channels], samples, strict=True):
        hops += weight * _hop_energies(channel, hop_frames(rate), biquads)
    blocks = np.lib.stride_tricks.sliding_window_view(hops, HOPS_PER_BLOCK).sum(axis=1)
    return np.asarray(blocks / block_frames(rate))


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

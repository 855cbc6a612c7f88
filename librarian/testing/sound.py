"""Synthetic sound: deterministic, small, `[channels, frames]` float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def tone(
    frequency: float, seconds: float, rate: int, *, level: float = -20.0, channels: int = 1
) -> NDArray[np.float32]:
    """A sine on all channels.

    Args:
        frequency: Hz.
        seconds: length.
        rate: sample rate (Hz).
        level: peak (dBFS).
        channels: number of channels.

    Shape:
        `[channels, frames]`
    """
    time = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * frequency * time)
    return np.tile(wave.astype(np.float32), (channels, 1))


def voice_like(seconds: float, rate: int, *, channels: int = 1, seed: int = 1) -> NDArray[np.float32]:
    """Noise in syllables: bursts of about 5 a second with pauses between phrases, channels correlated by half.

    Shape:
        `[channels, frames]`
    """
    random = np.random.default_rng(seed)
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    phrases = np.sin(2 * np.pi * 0.3 * time) > -0.5  # noqa: PLR2004
    syllables = np.clip(np.sin(2 * np.pi * 5 * time), 0, 1) * phrases
    shared, own = random.normal(size=(1, frames)), random.normal(size=(channels, frames))
    return (0.05 * syllables * (shared + own)).astype(np.float32)

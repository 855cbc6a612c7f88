"""Sounds that the tests of the audio core make for themselves, `[channels, frames]` float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def tone(seconds: float, dbfs: float, rate: int = 48000, frequency: float = 1000.0, channels: int = 2) -> Samples:
    """A sine that starts at a zero, the same in all channels; its peaks are at `dbfs`."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * frequency * time)
    return np.tile(wave.astype(np.float32), (channels, 1))


def tones(*parts: tuple[float, float], rate: int = 48000) -> Samples:
    """Seconds and dBFS of one tone after another, in stereo; −inf dBFS is silence."""
    return np.concatenate([tone(seconds, dbfs, rate) for seconds, dbfs in parts], axis=1)


def speechlike(rate: int, seconds: float, channels: int = 2, seed: int = 0) -> Samples:
    """Noise whose level wanders over 50 dB, so that both gates have something to do."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    levels = np.interp(np.arange(frames), np.linspace(0, frames, 40), rng.uniform(-60, -10, 40))
    return (rng.uniform(-1, 1, (channels, frames)) * 10 ** (levels / 20)).astype(np.float32)

"""Sounds of which the parts are known, `[channels, frames]` float32."""

from __future__ import annotations

import numpy as np

from librarian.audio.overlap import Joiner, segments


def assert_near(found, expected, tolerance):
    """Every sample within a tolerance."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def noise(frames, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, frames)).astype(np.float32)


def chords(rate, seconds, seed=0, channels=2):
    """Sums of partials, another chord each second, that come again every two; the same in all channels."""
    rng = np.random.default_rng(seed)
    time = np.arange(rate) / rate
    bars = [sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(150, 0.2 * rate, 6)) for _ in range(2)]
    whole = np.concatenate([bars[each % 2] for each in range(round(seconds))])
    return np.tile(0.05 * whole, (channels, 1)).astype(np.float32)


def strokes(rate, seconds, seed=0, channels=2):
    """Clicks that die away within some ms, four a second."""
    rng = np.random.default_rng(seed)
    whole = np.zeros(round(seconds * rate))
    click = np.exp(-np.arange(rate // 50) / (rate / 1000))
    for start in range(rate // 8, len(whole) - len(click), rate // 4):
        whole[start : start + len(click)] += rng.standard_normal(len(click)) * click
    return np.tile(0.4 * whole, (channels, 1)).astype(np.float32)


def voice(rate, seconds, seed=0, channels=2):
    """A tone with overtones that glides without ever coming back, with pauses; the same in all channels."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    knots = np.linspace(0, frames, round(4 * seconds) + 1)
    pitch = np.interp(np.arange(frames), knots, rng.uniform(200, 320, len(knots)))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    level = np.clip(np.interp(np.arange(frames), knots, rng.uniform(-0.5, 1, len(knots))), 0, 1)
    return np.tile(0.1 * level * sum(np.sin(n * phase) / n for n in range(1, 7)), (channels, 1)).astype(np.float32)


def streamed(model, samples, block=4097):
    """A sound cut into segments, separated and joined, as `separate` does it; a short end is given as it is."""
    blocks = (samples[:, start : start + block] for start in range(0, samples.shape[1], block))
    joiner, pieces = Joiner(model.window, model.hop), []
    for part in segments(blocks, model.segment, model.hop):
        given = part.samples[:, part.lead : part.lead + part.length]
        stems = np.zeros((len(model.stems), *part.samples.shape), np.float32)
        stems[..., part.lead : part.lead + part.length] = model(given[None])[0]
        pieces.append(joiner.add(part, stems))
    return np.concatenate([*pieces, joiner.end()], axis=-1)

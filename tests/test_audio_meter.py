import math

import numpy as np
import pytest

from librarian.audio import loudness, peak
from librarian.audio.meter import Meter


def measured(samples, rate=48000, weights=None, block=None):
    meter = Meter(rate, weights or (1.0,) * len(samples))
    for start in range(0, samples.shape[1], block or samples.shape[1] or 1):
        meter.add(samples[:, start : start + (block or samples.shape[1])])
    return meter.levels()


def speechlike(rate, seconds, channels=2, seed=0):
    """Noise whose level wanders over 50 dB, so that both gates have something to do."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    levels = np.interp(np.arange(frames), np.linspace(0, frames, 40), rng.uniform(-60, -10, 40))
    return (rng.uniform(-1, 1, (channels, frames)) * 10 ** (levels / 20)).astype(np.float32)


@pytest.mark.parametrize("block", [1000, 4096, 48000, 30 * 16000])
def test_the_sizes_of_the_blocks_do_not_matter(block):
    samples = speechlike(16000, 47.3)
    whole, cut = measured(samples, 16000), measured(samples, 16000, block=block)
    assert whole == cut
    assert np.array_equal(whole.powers, cut.powers)


def test_it_equals_the_measures_of_the_whole():
    samples = speechlike(44100, 65)
    levels = measured(samples, 44100, block=10_000)
    assert levels.integrated == loudness.integrated(samples, 44100)
    assert levels.true_peak == peak.decibels(peak.true_peak(samples, 44100))
    assert levels.sample_peak == peak.decibels(peak.sample_peak(samples))


def test_silence():
    levels = measured(np.zeros((2, 48000 * 4), np.float32))
    assert (levels.integrated, levels.momentary_max, levels.short_term_max) == (-math.inf,) * 3
    assert (levels.true_peak, levels.sample_peak, levels.loudness_range) == (-math.inf, -math.inf, 0)


@pytest.mark.parametrize("frames", [0, 1, 19199, 19200, 143999, 144000])
def test_what_is_too_short_has_no_loudness_but_peaks(frames):
    levels = measured(np.full((1, frames), 0.5, np.float32))
    assert math.isnan(levels.integrated) == math.isnan(levels.momentary_max) == (frames < 19200)
    assert math.isnan(levels.short_term_max) == math.isnan(levels.loudness_range) == (frames < 144000)
    assert levels.sample_peak == pytest.approx(-6.02 if frames else -math.inf, abs=0.01)

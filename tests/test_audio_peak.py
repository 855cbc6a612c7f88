import math

import naive_loudness
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal

from librarian.audio import peak

FLATNESS = 0.04
"""dB, what the interpolation promises up to 0.4 of the sample rate."""

LIBEBUR128_TOLERANCE = 0.05
"""dB. Its shorter filter rises by 0.07 dB at a third of the sample rate and falls by 0.9 dB at 0.4 of it."""

SAME_SUMS = 1e-12
"""Sums of the same products in another order."""


def tone(cycles, phase=0.0, amplitude=1.0, frames=4800, channels=1):
    """A sine of `cycles` per sample that fades in and out: a sudden start has a higher peak of its own."""
    fade = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / (frames / 4))
    wave = amplitude * fade * np.sin(2 * np.pi * cycles * np.arange(frames) + phase)
    return np.tile(wave.astype(np.float32), (channels, 1))


def reference(samples, factor):
    """Every point of the oversampled signal, none left out."""
    taps = np.arange(-8 * factor, 8 * factor + 1)
    kernel = np.sinc(taps / factor) * np.kaiser(taps.size, 5.0)
    return max(np.abs(signal.upfirdn(kernel, channel.astype(np.float64), up=factor)).max() for channel in samples)


def dbtp(samples, rate=48000):
    return peak.decibels(peak.true_peak(samples, rate))


@settings(deadline=None, max_examples=60)
@given(cycles=st.floats(0.005, 0.4), phase=st.floats(0, 2 * math.pi))
def test_a_tone_reads_its_crest(cycles, phase):
    grid = -20 * math.log10(math.cos(math.pi * cycles / 4))
    assert -FLATNESS - grid - 0.01 <= dbtp(tone(cycles, phase)) <= FLATNESS


@pytest.mark.parametrize(("rate", "factor"), [(8000, 4), (44100, 4), (48000, 4), (96000, 2), (176400, 2)])
def test_leaving_blocks_out_finds_the_same_peak(rate, factor):
    rng = np.random.default_rng(rate)
    signals = [
        rng.uniform(-1, 1, (2, 50_000)),
        rng.standard_normal((1, 30_001)) * np.linspace(0, 0.2, 30_001) ** 2,
        (rng.random((1, 20_000)) > 0.999) * rng.uniform(-1, 1, (1, 20_000)),
        np.cumsum(rng.standard_normal((2, 20_000)), axis=1) / 500,
    ]
    for samples in (s.astype(np.float32) for s in signals):
        assert peak.true_peak(samples, rate) == pytest.approx(reference(samples, factor), rel=SAME_SUMS)


@settings(deadline=None, max_examples=200)
@given(
    samples=arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 300)),
        elements=st.floats(-1, 1, width=32),
        fill=st.just(0.0),
    )
)
def test_leaving_blocks_out_finds_the_same_peak_at_every_edge(samples):
    expected = reference(samples, 4)
    assert peak.true_peak(samples, 48000) == pytest.approx(expected, rel=SAME_SUMS)
    assert expected >= peak.sample_peak(samples) * (1 - SAME_SUMS)


@pytest.mark.parametrize("position", [0, 1, 62, 63, 64, 65, 127, 128, 190, 191])
def test_one_sample_is_found_wherever_it_lies(position):
    samples = np.zeros((1, 192), np.float32)
    samples[0, position] = -0.7
    assert peak.sample_peak(samples) == np.float32(0.7)
    assert peak.true_peak(samples, 48000) == np.float32(0.7)


@pytest.mark.parametrize("length", [1, 63, 64, 100, 1000])
def test_pieces_that_overlap_have_the_peaks_of_the_whole(length):
    loud = np.tile(np.array([0.5, -0.5], np.float32), 1500) * np.hanning(3000).astype(np.float32)
    padded = np.pad(loud[np.newaxis], ((0, 0), (peak.CONTEXT, peak.CONTEXT)))
    peaks = peak.Peaks()
    for start in range(0, padded.shape[1] - peak.CONTEXT, length):
        peaks = peaks.after(padded[:, start : start + length + peak.CONTEXT].copy(), 4)
    assert peaks.true == peak.true_peak(loud[np.newaxis], 48000)


def test_a_sudden_start_rings_before_itself():
    samples = np.ones((1, 100), np.float32)
    samples[0, 1::2] = -1.0
    assert peak.true_peak(samples, 48000) == pytest.approx(reference(samples, 4), rel=SAME_SUMS)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("rate", "factor"), [(8000, 4), (48000, 4), (96000, 2)])
def test_libebur128_reads_the_same_below_a_third_of_the_rate(rate, factor, seed):
    noise = np.random.default_rng(seed).standard_normal((2, 2 * rate))
    samples = signal.lfilter(signal.firwin(401, 0.33, fs=1), 1, 0.1 * noise).astype(np.float32)
    theirs = peak.decibels(naive_loudness.libebur128_true_peak(samples, factor))
    assert dbtp(samples, rate) == pytest.approx(theirs, abs=LIBEBUR128_TOLERANCE)


def test_the_loudest_channel_counts():
    samples = np.concatenate([tone(0.25, math.pi / 4, 0.1), tone(0.25, math.pi / 4, 0.8)])
    assert peak.true_peak(samples, 48000) == peak.true_peak(samples[1:], 48000)


def test_backwards_it_is_the_same():
    samples = np.random.default_rng(0).uniform(-1, 1, (1, 5000)).astype(np.float32)
    assert peak.true_peak(samples[:, ::-1], 44100) == pytest.approx(peak.true_peak(samples, 44100), rel=SAME_SUMS)


@pytest.mark.parametrize(("rate", "expected"), [(95_999, 0.0), (96_000, 0.0), (191_999, 0.0), (192_000, -3.01)])
def test_from_192_khz_samples_are_dense_enough(rate, expected):
    assert dbtp(tone(1 / 4, math.pi / 4), rate) == pytest.approx(expected, abs=FLATNESS)


@pytest.mark.parametrize("rate", [8000, 48000, 192_000])
@pytest.mark.parametrize(("value", "expected"), [(math.nan, math.nan), (math.inf, math.inf), (-math.inf, math.inf)])
def test_what_is_not_finite_shows(value, expected, rate):
    samples = tone(0.1)
    samples[0, 4000] = value
    assert peak.sample_peak(samples) == pytest.approx(expected, nan_ok=True)
    assert peak.true_peak(samples, rate) == pytest.approx(expected, nan_ok=True)


def test_nan_in_one_channel_outweighs_infinity_in_another():
    samples = tone(0.1, channels=2)
    samples[0, 7], samples[1, 7] = math.nan, math.inf
    assert math.isnan(peak.sample_peak(samples))


@pytest.mark.parametrize("shape", [(1, 0), (2, 0), (0, 0), (0, 100)])
def test_nothing_has_no_peak(shape):
    assert peak.sample_peak(np.zeros(shape, np.float32)) == 0
    assert peak.true_peak(np.zeros(shape, np.float32), 48000) == 0


def test_levels_and_amplitudes():
    assert peak.decibels(1.0) == 0
    assert peak.decibels(0.5) == pytest.approx(-6.02, abs=0.001)
    assert peak.decibels(0.0) == -math.inf
    assert peak.amplitude(peak.decibels(0.3)) == pytest.approx(0.3)

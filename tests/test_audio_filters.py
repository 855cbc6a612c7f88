import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from librarian.audio.filters import HighPass, butterworth_high_pass

FLOAT32 = 2e-7
"""Rounding of the result; the filter itself runs in double precision."""


def noise(frames, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


@pytest.mark.parametrize("order", range(1, 9))
@pytest.mark.parametrize(("rate", "frequency"), [(48000, 80), (8000, 300), (192_000, 20), (44100, 12_000)])
def test_it_filters_as_scipys_does(rate, frequency, order):
    samples = noise(20_000)
    sections = signal.butter(order, frequency, "highpass", fs=rate, output="sos")
    expected = signal.sosfilt(sections, samples.astype(np.float64))
    out = HighPass(rate, 2, frequency, order).add(samples)
    np.testing.assert_allclose(out, expected, atol=FLOAT32 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("order", range(1, 9))
def test_it_is_3_db_down_at_its_frequency_and_falls_by_6_db_an_octave_and_order(order):
    sections = butterworth_high_pass(48000, 1000, order)
    _, response = signal.freqz_sos(np.insert(sections, 3, 1.0, axis=1), [1000, 62.5, 125, 15_000], fs=48000)
    level = 20 * np.log10(np.abs(response))
    assert level[0] == pytest.approx(-10 * math.log10(2), abs=1e-6)
    assert level[2] - level[1] == pytest.approx(6.02 * order, abs=0.1 * order)
    assert level[3] == pytest.approx(0, abs=0.01)


@settings(deadline=None, max_examples=30)
@given(ends=st.lists(st.integers(0, 5000), max_size=9))
def test_blocks_of_any_size_give_the_same_bits(ends):
    samples = noise(5000)
    parts = np.split(samples, sorted(ends), axis=1)
    high_pass = HighPass(16000, 2, 80.0)
    whole = HighPass(16000, 2, 80.0).add(samples)
    assert np.array_equal(np.concatenate([high_pass.add(part) for part in parts], axis=1), whole)


def test_silence_after_a_sound_becomes_silence():
    high_pass = HighPass(8000, 1, 100.0)
    high_pass.add(noise(8000, 1))
    silence = high_pass.add(np.zeros((1, 80_000), np.float32))
    assert not silence[:, -1000:].any()
    assert not high_pass._state.any()


@pytest.mark.parametrize(
    ("frequency", "order", "match"), [(0, 4, "0 Hz"), (4000, 4, "4000 Hz"), (80, 0, "order"), (80, 9, "order")]
)
def test_a_filter_that_cannot_be_is_refused(frequency, order, match):
    with pytest.raises(ValueError, match=match):
        HighPass(8000, 1, frequency, order)


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="expected 2 channels, got 1"):
        HighPass(8000, 2, 80).add(noise(10, 1))

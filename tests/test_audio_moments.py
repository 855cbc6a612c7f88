import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio.moments import Moments, to_rms

FLOAT32 = 2e-7


def noise(frames, channels=2):
    return np.random.default_rng(0).uniform(-1, 1, (channels, frames)).astype(np.float32)


def moments_of(samples):
    moments = Moments(len(samples))
    moments.add(samples)
    return moments


def test_the_offset_is_the_mean_of_each_channel_and_can_be_taken_off():
    samples = noise(100_000) * 0.1 + np.array([[0.3], [-0.01]], np.float32)
    offset = moments_of(samples).offset()
    np.testing.assert_allclose(offset, samples.astype(np.float64).mean(axis=1, keepdims=True), rtol=FLOAT32)
    assert np.abs((samples - offset).astype(np.float64).mean(axis=1)).max() < FLOAT32


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param(np.sin(2 * np.pi * np.arange(48_000) / 48), -3.01, id="sine"),
        pytest.param(np.tile([1.0, -1.0], 100), 0.0, id="square"),
        pytest.param(np.tile([[0.1], [0.0]], 100), -23.01, id="one of two channels"),
        pytest.param(np.zeros((2, 10)), -math.inf, id="silence"),
        pytest.param(np.zeros((2, 0)), -math.inf, id="nothing"),
    ],
)
def test_rms_is_over_all_channels_and_full_scale_is_a_square_wave(samples, expected):
    level = to_rms(moments_of(np.atleast_2d(samples).astype(np.float32)).power())
    assert level == pytest.approx(expected, abs=0.01)


@settings(deadline=None, max_examples=30)
@given(ends=st.lists(st.integers(0, 5000), max_size=9))
def test_blocks_of_any_size_give_the_same_bits(ends):
    samples = noise(5000)
    moments, whole = Moments(2), moments_of(samples)
    for part in np.split(samples, sorted(ends), axis=1):
        moments.add(part)
    assert (moments.frames, moments.power()) == (whole.frames, whole.power())
    assert np.array_equal(moments.offset(), whole.offset())

"""The signal-to-distortion ratio."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

from librarian.testing import distortion, sdr


def noise(seed):
    return np.random.default_rng(seed).standard_normal((2, 50_000)).astype(np.float32)


def test_its_example_holds():
    assert doctest.testmod(distortion).failed == 0


@pytest.mark.parametrize("level", [-30.0, 0.0, 12.0])
def test_noise_of_a_level_is_as_far_below(level):
    stem = noise(0)
    other = noise(1)
    other *= np.sqrt(np.square(stem).sum() / np.square(other).sum()) * 10 ** (level / 20)
    assert sdr(stem, stem + other) == pytest.approx(-level, abs=1e-3)


def test_a_wrong_level_counts():
    assert sdr(noise(0), noise(0) * np.float32(0.5)) == pytest.approx(6.0206, abs=1e-3)
    assert sdr(noise(0), noise(0) * 0) == 0.0


def test_all_channels_count_together():
    stem = noise(0) * np.array([[1.0], [0.01]])
    only_the_loud_one = stem * np.array([[1.0], [0.0]])
    assert sdr(stem, only_the_loud_one) == pytest.approx(40.0, abs=0.1)


def test_where_there_is_no_ratio():
    silence, stem = np.zeros((1, 9)), np.ones((1, 9))
    assert sdr(stem, stem) == math.inf
    assert sdr(silence, stem) == -math.inf
    assert math.isnan(sdr(silence, silence))
    with pytest.raises(ValueError, match="cannot be compared"):
        sdr(stem, stem[:, 1:])

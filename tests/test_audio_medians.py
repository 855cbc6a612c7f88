"""The running median against scipy, and against a naive one where scipy reads beyond its buffer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from librarian.audio import medians
from librarian.audio.medians import LANES, running_median

PAD = {"reflect": "symmetric", "mirror": "reflect"}
"""numpy's words for them."""
WIDTHS = st.integers(0, 20).map(lambda half: 2 * half + 1)


def naive(values, width, axis, edges):
    around = [(width // 2, width // 2) if each == axis % values.ndim else (0, 0) for each in range(values.ndim)]
    padded = np.pad(values, around, mode=PAD[edges])
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width, axis), axis=-1)


def rough(shape, seed=0):
    """Noise with steps, ties, infinities, subnormals and both zeros."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape).astype(np.float32)
    special = rng.choice(np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 1e-40], np.float32), shape)
    return np.where(rng.random(shape) < 0.4, special, values)


@pytest.mark.parametrize("edges", ["reflect", "mirror"])
@pytest.mark.parametrize("width", [1, 3, 17, 31])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((40, 33), 0), ((40, 33), 1), ((33, 2 * LANES + 5), 0), ((31, 40, 3), 0), ((31, 40, 3), 1), ((3, 20, 40), -1)],
)
def test_it_equals_scipy(shape, axis, width, edges):
    values = rough(shape)
    size = [1] * len(shape)
    size[axis] = width
    expected = ndimage.median_filter(values, size=size, mode=edges)
    assert np.array_equal(running_median(values, width, axis, edges), expected)
    assert np.array_equal(running_median(torch.from_numpy(values), width, axis, edges).numpy(), expected)


@settings(deadline=None, max_examples=150)
@given(
    values=arrays(np.float32, array_shapes(max_dims=3, max_side=30), elements=st.floats(width=32, allow_nan=False)),
    width=WIDTHS,
    edges=st.sampled_from(["reflect", "mirror"]),
    data=st.data(),
)
def test_it_equals_the_middle_of_each_sorted_window(values, width, edges, data):
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    expected = naive(values, width, axis, edges)
    assert np.array_equal(running_median(values, width, axis, edges), expected)
    assert np.array_equal(running_median(torch.from_numpy(values), width, axis, edges).numpy(), expected)


def test_a_held_tone_is_kept_along_time_and_killed_along_frequency():
    spectrum = np.zeros((64, 100), np.float32)
    spectrum[20] = 1.0
    assert np.array_equal(running_median(spectrum, 17, axis=1), spectrum)
    assert not running_median(spectrum, 17, axis=0).any()


def test_any_layout_of_memory_will_do_and_is_left_alone():
    values = rough((50, 70))
    expected = running_median(values, 9, axis=0)
    locked = values.copy()
    locked.flags.writeable = False
    for same in (np.asfortranarray(values), locked, np.repeat(values, 2, axis=1)[:, ::2]):
        before = same.copy()
        assert np.array_equal(running_median(same, 9, axis=0), expected)
        assert np.array_equal(same, before)
    assert len(medians._medians.forms) <= 2, "each is compiled for a second"


@pytest.mark.parametrize(
    ("values", "width", "match"),
    [
        (np.zeros(5, np.float32), 4, "odd"),
        (np.zeros(5, np.float32), -1, "odd"),
        (np.zeros((2, 0), np.float32), 3, "no values"),
        (np.zeros(5), 3, "float64"),
    ],
)
def test_what_has_no_running_median_is_refused(values, width, match):
    with pytest.raises(ValueError, match=match):
        running_median(values, width)

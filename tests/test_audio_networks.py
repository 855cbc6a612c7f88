"""The median over rows against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio import networks
from librarian.audio.networks import LANES, median_of_rows


def table(rows, columns, seed=0):
    """Noise with ties, infinities and both zeros."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((rows, columns)).astype(np.float32)
    special = rng.choice(np.array([0.0, -0.0, 1.0, -1.0, np.inf], np.float32), values.shape)
    return np.where(rng.random(values.shape) < 0.3, special, values)


def lists(count, most, among, seed=0):
    """Of lengths between none and all, filled up with −1."""
    rng = np.random.default_rng(seed)
    chosen = np.full((count, most), -1)
    for each in chosen:
        length = rng.integers(0, most + 1)
        each[:length] = rng.integers(0, among, length)
    return chosen


def naive(values, rows):
    empty = np.zeros(values.shape[1], np.float32)
    return np.array([np.median(values[each[each >= 0]], axis=0) if (each >= 0).any() else empty for each in rows])


@settings(deadline=None, max_examples=100)
@given(most=st.integers(1, 40), columns=st.integers(1, 2 * LANES + 3), seed=st.integers(0, 99))
def test_it_equals_numpy_for_lists_of_any_length(most, columns, seed):
    values, rows = table(30, columns, seed), lists(12, most, 30, seed)
    expected = naive(values, rows)
    assert np.array_equal(median_of_rows(values, rows), expected)
    assert np.array_equal(median_of_rows(torch.from_numpy(values), torch.from_numpy(rows)).numpy(), expected)


@pytest.mark.parametrize("most", [99, 100])
def test_it_equals_numpy_for_a_hundred_rows(most):
    values, rows = table(300, 70), lists(20, most, 300)
    assert np.array_equal(median_of_rows(values, rows), naive(values, rows))


@pytest.mark.parametrize("slots", [2, 4, 6, 26, 100])
def test_the_network_brings_the_middle_into_its_place(slots):
    """Knuth's principle: a network that sorts all zeros and ones sorts everything. Here: that finds their middle."""
    rng = np.random.default_rng(slots)
    bits = np.array([rng.random(slots) < rng.random() for _ in range(2000)])
    halves = np.array([rng.permutation(np.arange(slots) < half) for half in (slots // 2, slots // 2 - 1) * 500])
    for case in np.concatenate([bits, halves]):
        ordered = case.copy()
        for low, high in networks._steps(slots):
            ordered[low], ordered[high] = min(ordered[low], ordered[high]), max(ordered[low], ordered[high])
        middle = slice(slots // 2 - 1, slots // 2 + 1)
        assert np.array_equal(ordered[middle], np.sort(case)[middle])


def test_any_layout_of_memory_will_do_and_is_left_alone():
    values, rows = table(50, 30), lists(20, 7, 50)
    expected = median_of_rows(values, rows)
    locked = values.copy()
    locked.flags.writeable = False
    for same in (np.asfortranarray(values), locked, np.repeat(values, 2, axis=1)[:, ::2]):
        before = same.copy()
        assert np.array_equal(median_of_rows(same, rows.astype(np.int32)), expected)
        assert np.array_equal(same, before)
    assert len(networks._medians.forms) == 1, "each is compiled for a second"


@pytest.mark.parametrize(
    ("values", "rows", "match"),
    [
        (np.zeros((3, 4)), np.zeros((1, 1), int), "float64"),
        (np.zeros((3, 4), np.float32), np.array([[0, 3]]), "rows from 0 to 3"),
        (np.zeros((3, 4), np.float32), np.array([[0, -2]]), "rows from -2 to 0"),
    ],
)
def test_what_has_no_median_is_refused(values, rows, match):
    with pytest.raises(ValueError, match=match):
        median_of_rows(values, rows)

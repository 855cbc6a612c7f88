"""Soft masks against the formula in double precision, and where the formula has no answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from librarian.audio.masks import soft_mask

ROUNDING = 1e-6


def levels(seed, shape=(50, 40)):
    """Magnitudes over 200 dB, with zeros."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.2, 0.0, 10 ** rng.uniform(-8, 2, shape)).astype(np.float32)


def naive(part, rest, power):
    a, b = part.astype(np.longdouble) ** power, rest.astype(np.longdouble) ** power
    return np.where(a + b == 0, 0.5, a / np.where(a + b == 0, 1, a + b))


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0, 40.0])
def test_it_is_the_formula_and_both_shares_add_up_to_one(power):
    part, rest = levels(0), levels(1)
    mask = soft_mask(part, rest, power)
    assert mask.dtype == np.float32
    assert mask == pytest.approx(naive(part, rest, power).astype(float), abs=ROUNDING)
    assert mask + soft_mask(rest, part, power) == pytest.approx(np.ones(part.shape), abs=ROUNDING)
    of_tensors = soft_mask(torch.from_numpy(part), torch.from_numpy(rest), power)
    assert of_tensors.numpy() == pytest.approx(mask, abs=ROUNDING)


def test_where_there_is_nothing_each_has_a_half():
    nothing = np.zeros(3, np.float32)
    assert soft_mask(nothing, nothing).tolist() == [0.5] * 3
    assert soft_mask(torch.zeros(3), torch.zeros(3)).tolist() == [0.5] * 3


def test_it_leaves_what_it_is_given_alone():
    part, rest = levels(2), levels(3)
    before = part.copy(), rest.copy()
    soft_mask(part, rest)
    assert np.array_equal(part, before[0]) and np.array_equal(rest, before[1])

"""Similar frames against all cosines in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio.similarity import NONE, ROWS, similar_frames

ROUNDING = 1e-5
"""Of a cosine in single precision."""


def cosines(spectra, apart):
    """All of them, −∞ nearby."""
    double = spectra.astype(np.float64)
    lengths = np.linalg.norm(double, axis=1, keepdims=True)
    units = np.divide(double, lengths, out=np.zeros_like(double), where=lengths > 0)
    places = np.arange(len(spectra))
    near = np.abs(places[:, None] - places) < apart
    return np.where(near, -np.inf, units @ units.T)


def assert_most_similar(rows, spectra, most, apart):
    """Each row holds as many frames as there can be: none twice, none nearby, and no other is more like it."""
    every = cosines(spectra, apart)
    for row, likeness in zip(rows, every, strict=True):
        there = row[row != NONE]
        assert np.array_equal(row, np.concatenate([there, np.full(most - len(there), NONE)]))
        assert len(set(there.tolist())) == len(there) == min(most, np.isfinite(likeness).sum())
        best = np.sort(likeness)[::-1][: len(there)]
        assert np.sort(likeness[there])[::-1] == pytest.approx(best, abs=ROUNDING)


def magnitudes(frames, bins=12, seed=0):
    rng = np.random.default_rng(seed)
    spectra = rng.exponential(size=(frames, bins)).astype(np.float32)
    spectra[rng.random(frames) < 0.1] = 0.0
    return spectra


@settings(deadline=None, max_examples=60)
@given(frames=st.integers(1, 80), most=st.integers(1, 90), apart=st.integers(1, 90), seed=st.integers(0, 9))
def test_they_are_the_most_similar_that_are_not_nearby(frames, most, apart, seed):
    spectra = magnitudes(frames, seed=seed)
    assert_most_similar(similar_frames(spectra, most, apart), spectra, most, apart)
    assert_most_similar(similar_frames(torch.from_numpy(spectra), most, apart).numpy(), spectra, most, apart)


def test_some_rows_at_a_time_give_the_same_as_all():
    spectra = magnitudes(2 * ROWS + 7)
    assert_most_similar(similar_frames(spectra, 10, 5), spectra, 10, 5)
    assert_most_similar(similar_frames(torch.from_numpy(spectra), 10, 5).numpy(), spectra, 10, 5)


def test_what_comes_again_is_found_whatever_its_level():
    spectra = np.tile(np.random.default_rng(0).exponential(size=(20, 30)), (4, 1)).astype(np.float32)
    spectra *= np.random.default_rng(1).uniform(0.1, 10, (80, 1)).astype(np.float32)
    found = similar_frames(spectra, 3, 5)
    assert np.array_equal(np.sort(found % 20, axis=1), np.repeat(np.arange(80)[:, None] % 20, 3, axis=1))


@pytest.mark.parametrize(("most", "apart"), [(0, 1), (1, 0), (-1, 3)])
def test_what_makes_no_sense_is_refused(most, apart):
    with pytest.raises(ValueError, match="1 or more"):
        similar_frames(magnitudes(5), most, apart)

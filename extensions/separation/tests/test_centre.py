"""The centre of a panorama: what stands there, what does not, and sounds that have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixtures import assert_near, noise, streamed, voice

from librarian import UnusableInputError
from librarian.testing import sdr
from librarian_separation.centre import Centre

ROUNDING = 2e-6
RATE = 16000


def sides(seconds, seed=5):
    """Noise that comes and goes, another one left and right."""
    level = np.sin(2 * np.pi * np.arange(round(seconds * RATE)) / RATE) ** 2
    return noise(round(seconds * RATE), seed=seed) * (0.2 * level).astype(np.float32)


def test_a_voice_in_the_middle_comes_out():
    middle, around = voice(RATE, 5), sides(5)
    vocals, accompaniment = Centre.at(RATE)((middle + around)[None])[0]
    assert sdr(middle, vocals) > sdr(middle, middle + around) + 5
    assert sdr(around, accompaniment) > 5


@pytest.mark.parametrize(
    ("left", "right"), [(1.0, 0.0), (0.0, 1.0), (1.0, -1.0)], ids=["left", "right", "out of phase"]
)
def test_what_is_not_in_the_middle_stays_with_the_rest(left, right):
    mix = voice(RATE, 2) * np.array([[left], [right]], np.float32)
    vocals, accompaniment = Centre.at(RATE)(mix[None])[0]
    assert np.abs(vocals).max() < ROUNDING
    assert_near(accompaniment, mix, ROUNDING)


@pytest.mark.parametrize(("frequency", "is_voice"), [(60, False), (300, True), (6000, True), (12000, False)])
def test_only_the_band_of_voices_counts(frequency, is_voice):
    rate = 44100
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate) * np.hanning(rate)
    mix = np.tile(tone.astype(np.float32), (2, 1))
    vocals, accompaniment = Centre.at(rate)(mix[None])[0]
    assert sdr(mix, vocals if is_voice else accompaniment) > 40


def test_the_mask_is_what_the_similarity_of_both_channels_says():
    """A tone panned by gains a and b: ψ = 2ab / (a² + b²), and the mask (1 − √((1 − ψ) / (1 + ψ)))²."""
    a, b = 1.0, 0.6
    similarity = 2 * a * b / (a * a + b * b)
    expected = (1 - np.sqrt((1 - similarity) / (1 + similarity))) ** 2
    mix = voice(RATE, 2) * np.array([[a], [b]], np.float32)
    inside = slice(2048, -2048)  # at the ends silence stands in the window too, and there is voice out of the band
    assert_near(Centre.at(RATE)(mix[None])[0, 0, :, inside], expected * mix[:, inside], 1e-3)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_what_is_not_stereo_is_refused(channels):
    with pytest.raises(UnusableInputError, match="mono sound has no centre" if channels == 1 else "is for stereo"):
        Centre.at(RATE)(noise(4000, channels)[None])


@pytest.mark.parametrize("seconds", [3.0, 10.0, 11.1, 21.3])
def test_in_segments_it_is_what_it_is_as_a_whole(seconds):
    mix = voice(8000, seconds) + 0.2 * noise(round(seconds * 8000))
    model = Centre.at(8000)
    assert_near(streamed(model, mix), model(mix[None])[0], ROUNDING)


def test_tensors_give_what_arrays_give():
    mix = np.stack([noise(9000, seed=seed) for seed in range(3)])
    assert_near(Centre.at(RATE)(torch.from_numpy(mix)).numpy(), Centre.at(RATE)(mix), ROUNDING)

"""What all methods without weights hold to, whatever the sound."""

from __future__ import annotations

import doctest
import importlib
from functools import partial

import numpy as np
import pytest
from mixtures import assert_near, chords, noise, strokes, voice

from librarian import UnusableInputError
from librarian_separation import SeparateSettings
from librarian_separation.centre import Centre
from librarian_separation.hpss import Hpss
from librarian_separation.repet import CentredRepet, Repet
from librarian_separation.weightless import build

SUM = 1e-6
"""Of full scale, by which the stems' sum may differ from the mix."""

METHODS = [Centre.at, Repet.at, CentredRepet.at, Hpss.at, partial(Hpss.at, margin=2.0)]
NAMES = ["centre", "repet", "repet_centre", "hpss", "hpss with a margin"]
every_method = pytest.mark.parametrize("at", METHODS, ids=NAMES)


@every_method
@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000, 192_000])
def test_stems_add_up_to_the_mix_at_any_rate(at, rate):
    mix = (voice(rate, 1) + chords(rate, 1) + strokes(rate, 1) + 0.01 * noise(rate))[None, :, : rate // 2]
    stems = at(rate)(mix)
    assert stems.shape == (1, len(at(rate).stems), 2, rate // 2)
    assert stems.dtype == np.float32
    assert_near(stems.sum(axis=1), mix, SUM)


@every_method
@pytest.mark.parametrize("frames", [1, 2, 3, 1000, 8192, 8193])
def test_sounds_of_any_length_add_up(at, frames):
    mix = noise(frames)[None]
    assert_near(at(44100)(mix).sum(axis=1), mix, SUM)


@every_method
def test_silence_gives_silence(at):
    assert not at(16000)(np.zeros((2, 2, 20_000), np.float32)).any()


@every_method
def test_a_sound_half_as_loud_gives_stems_half_as_loud(at):
    mix = (voice(16000, 2) + strokes(16000, 2))[None]
    assert_near(at(16000)(mix / 1024) * 1024, at(16000)(mix), SUM)


@every_method
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_said(at, value):
    mix = noise(5000)[None]
    mix[0, 1, 4999] = value
    with pytest.raises(UnusableInputError, match="NaN or infinite") as caught:
        at(16000)(mix)
    assert caught.value.cause == "corrupt"


@every_method
def test_what_else_is_in_a_batch_plays_no_part(at):
    mixes = np.stack([voice(8000, 2), np.zeros((2, 16000), np.float32), noise(16000), strokes(8000, 2)])
    together = at(8000)(mixes)
    for mix, stems in zip(mixes, together, strict=True):
        assert np.array_equal(at(8000)(mix[None])[0], stems)


@every_method
def test_the_mix_is_left_alone(at):
    mix = noise(20_000)[None]
    before = mix.copy()
    at(16000)(mix)
    assert np.array_equal(mix, before)


@every_method
@pytest.mark.parametrize("rate", [8000, 44100, 192_000])
def test_segments_fit_the_flow(at, rate):
    model = at(rate)
    assert 1 <= model.hop <= model.segment == len(model.window)
    assert model.window.min() > 0
    assert model.sample_rate == rate


@pytest.mark.parametrize("name", ["centre", "repet_centre"])
def test_mono_is_refused_before_anything_is_done(name):
    with pytest.raises(UnusableInputError, match="a mono sound has no centre"):
        build(SeparateSettings(model=name), 16000, 1, "cpu")


def test_a_margin_reaches_hpss_and_without_one_there_is_no_residual():
    mix = noise(16000)[None]
    assert build(SeparateSettings(model="hpss", margin=2.0), 16000, 2, "cpu")(mix)[0, 2].any()
    with pytest.raises(ValueError, match="nothing is left over"):
        SeparateSettings(model="hpss", stems=("residual",))


@pytest.mark.parametrize("name", ["masking", "hpss", "repet", "centre", "weightless", "arrangement"])
def test_its_examples_hold(name):
    assert doctest.testmod(importlib.import_module(f"librarian_separation.{name}")).failed == 0

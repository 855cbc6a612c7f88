"""Mixes: the sum of what goes in, each with its gain and place, and never more than full scale."""

import numpy as np
import pytest
from pydantic import ValidationError

from librarian import UnusableInputError
from librarian.audio.peak import amplitude
from librarian.audio.resample import resample
from librarian.testing import voice_like
from librarian_editing import MIX
from librarian_editing.mix import balanced, mix, panned
from librarian_editing.settings import MixSettings
from librarian_editing.sound import Source

RATE = 8000
EXACT = 1e-6
"""Float32 sums in another order."""


def naive(sounds, settings):
    """The sum of sounds `[channels, frames]` at one rate, by their roles."""
    total = np.zeros((2, max(each.shape[1] for each in sounds.values())))
    for role, samples in sounds.items():
        gain, pan = settings.get(role, (0.0, 0.0))
        places = panned(pan) if len(samples) == 1 else balanced(pan)
        both = np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples
        total[:, : both.shape[1]] += amplitude(gain) * np.array(places)[:, None] * both
    return total


@pytest.fixture
def mixed(make_task, sides, artifact, read):
    """The mix of sounds by role: samples, rate and facts."""

    def run(samples, *, bed=(), rates=None, bits=32, **settings):
        task = make_task(MixSettings(**settings), bits=bits, audio=sides(samples, rates))
        if bed:
            task.inputs["bed"] = tuple(artifact(each) for each in bed)
        output = mix(task)["audio"]
        assert set(output.facts) == set(MIX.facts)
        assert task.fractions == sorted(task.fractions)
        return read(output)

    return run


@pytest.fixture
def voices():
    stereo = 0.5 * np.concatenate([voice_like(9, RATE, seed=3), voice_like(9, RATE, seed=4)])
    return {"left": voice_like(12, RATE, seed=1), "right": voice_like(10.3, RATE, seed=2), "room": stereo}


@pytest.mark.parametrize("pan", [-1.0, -0.7, -0.25, 0.0, 0.3, 1.0])
def test_the_power_of_what_is_panned_is_the_same_everywhere(pan):
    left, right = panned(pan)
    assert left**2 + right**2 == pytest.approx(1)
    assert panned(-pan) == pytest.approx((right, left))
    assert (left >= right) == (pan <= 0)


def test_in_the_middle_each_side_has_three_decibels_less_and_two_channels_are_left():
    assert [20 * np.log10(each) for each in panned(0)] == pytest.approx([-3.0103, -3.0103], abs=1e-4)
    assert balanced(0) == (1, 1)
    assert balanced(-0.5) == (1, pytest.approx(2**0.5 * panned(-0.5)[1]))


def test_a_mix_is_the_sum_of_its_parts_with_their_gains_and_places(mixed, voices):
    settings = {"left": (-3.0, -0.8), "right": (2.0, 0.5), "room": (-6.0, 0.25)}
    parts = {role: {"gain": f"{gain} dB", "pan": pan} for role, (gain, pan) in settings.items()}
    made, rate, facts = mixed(voices, parts=parts)
    assert rate == RATE
    np.testing.assert_allclose(made, naive(voices, settings), atol=EXACT)
    assert (facts["parts"], facts["left_out"], facts["gain"]) == (3, 0, 0)


def test_parts_go_by_number_too_and_others_are_left_out_where_that_is_said(mixed, voices):
    made, _, facts = mixed(voices, parts={2: {"pan": 1}}, others="leave out")
    assert np.array_equal(made[1], voices["right"][0]) and np.abs(made[0]).max() < EXACT
    assert (facts["parts"], facts["left_out"]) == (1, 2)
    with pytest.raises(UnusableInputError, match="no part of it"):
        mixed(voices, parts={"both": {}}, others="leave out")


def test_what_would_rise_above_full_scale_is_turned_down_as_a_whole_and_said(mixed):
    loud = {"left": np.full((1, 1000), 0.9, np.float32), "right": np.full((1, 1000), 0.9, np.float32)}
    made, _, facts = mixed(loud, bits=24)
    assert facts["gain"] == pytest.approx(-20 * np.log10(0.9 * 2**0.5), abs=2e-4)
    assert facts["peak"] == pytest.approx(0, abs=2e-4)
    assert 0.9999 < made.max() <= 1
    assert mixed(loud)[0].max() == pytest.approx(0.9 * 2**0.5)  # as float nothing is cut off


def test_parts_of_other_rates_are_brought_to_the_highest(mixed, voices):
    high = resample(voices["right"], RATE, 16000)
    made, rate, _ = mixed({"left": voices["left"], "right": high}, rates={"right": 16000}, parts={"left": {"pan": -1}})
    assert (rate, made.shape[1]) == (16000, 12 * 16000)
    expected = resample(voices["left"], RATE, 16000)
    expected[:, : high.shape[1]] += panned(0)[0] * high
    np.testing.assert_allclose(made[:1], expected, atol=1e-5)


def test_a_bed_is_repeated_below_the_parts_and_fades_in_and_out(mixed, voices):
    bed = voice_like(5, RATE, seed=8, channels=2)
    made, _, facts = mixed(voices, bed=[bed], bed_gain="-18 dB", bed_fade="1 s")
    under = (made - naive(voices, {})) / amplitude(-18)
    repeated = np.tile(bed, 3)[:, : 12 * RATE]
    np.testing.assert_allclose(under[:, RATE : 11 * RATE], repeated[:, RATE : 11 * RATE], atol=20 * EXACT)
    fade = (np.arange(RATE) + 0.5) / RATE
    np.testing.assert_allclose(under[:, :RATE], fade * repeated[:, :RATE], atol=20 * EXACT)
    np.testing.assert_allclose(under[:, -RATE:], fade[::-1] * repeated[:, -RATE:], atol=20 * EXACT)
    assert facts["parts"] == 3
    once, _, _ = mixed(voices, bed=[bed], bed_repeat=False, bed_fade=0)
    np.testing.assert_allclose(once[:, 5 * RATE :], naive(voices, {})[:, 5 * RATE :], atol=EXACT)


def test_a_bed_that_ends_before_the_parts_fades_out_where_it_ends(mixed):
    quiet = {"left": np.zeros((1, 12 * RATE), np.float32)}
    bed = np.full((2, 9 * RATE), 0.5, np.float32)
    made, _, _ = mixed(quiet, bed=[bed], bed_repeat=False, bed_gain=0, bed_fade="1 s")
    fade = (np.arange(RATE) + 0.5) / RATE
    np.testing.assert_allclose(made[0, 8 * RATE : 9 * RATE], 0.5 * fade[::-1], atol=EXACT)
    assert not made[:, 9 * RATE :].any() and made[0, 8 * RATE - 1] == 0.5


def test_the_peak_is_that_of_what_was_written(mixed):
    bed = np.zeros((1, 4 * RATE), np.float32)
    bed[0, 2 * RATE], bed[0, -100:] = 0.1, 0.9
    made, _, facts = mixed({"left": np.zeros((1, 4 * RATE), np.float32)}, bed=[bed], bed_gain=0)
    assert facts["peak"] == pytest.approx(20 * np.log10(np.abs(made).max()), abs=1e-3)


def test_a_bed_is_as_long_as_it_decodes_whatever_its_header_says(mixed, voices, monkeypatch):
    claimed = property(lambda _: 60 * RATE, lambda *_: None)
    monkeypatch.setattr(Source, "frames", claimed, raising=False)
    with pytest.raises(UnusableInputError, match="from 1 s on"):
        mixed(voices, bed=[np.ones((1, 10), np.float32)])


def test_a_bed_that_is_hardly_there_is_not_repeated(mixed, voices):
    with pytest.raises(UnusableInputError, match="from 1 s on") as caught:
        mixed(voices, bed=[np.ones((1, 10), np.float32)])
    assert caught.value.cause == "too_short"


@pytest.mark.parametrize(
    "given",
    [
        {"parts": {"left": {"pan": 2}}},
        {"parts": {"Left": {}}},
        {"parts": {"left": {"pam": 0}}},
        {"bed_gain": 21},
        {"rate": 0.4},
    ],
)
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(ValidationError):
        MixSettings(**given)

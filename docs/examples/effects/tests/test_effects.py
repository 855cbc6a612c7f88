from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pedalboard
import pytest
from pydantic import ValidationError

from librarian import UnusableInputError
from librarian.media import read_audio
from librarian.testing import Conformance, FileTask, tone, voice_like
from librarian_effects import EFFECTS, EffectsSettings, librarian_checks
from librarian_effects.chain import effects

ROUNDING = 1e-6
RATE = 48000


class TestEffects(Conformance):
    package = "librarian-effects"
    operation = "effects"


class TestEveryEffect(Conformance):
    package = "librarian-effects"
    operation = "effects"
    settings = MappingProxyType({"low_pass": "6 kHz", "gate": "-50 dBFS", "gain": "20 dB", "reverb": 0.3})
    channels = 2


@pytest.fixture
def made(tmp_path):
    """What the chain makes of samples: the samples, and the facts."""

    def run(samples, rate=RATE, **settings):
        task = FileTask(tmp_path, [samples], rate, EffectsSettings(**settings))
        output = effects(task)["audio"]
        assert set(output.facts) == set(EFFECTS.facts)
        assert task.fractions == sorted(task.fractions)
        return read_audio(output.value)[0], output.facts

    return run


def test_without_effects_a_sound_is_left_as_it_is(made):
    samples = voice_like(3.0, RATE, channels=2)
    result, facts = made(samples)
    np.testing.assert_array_equal(result, samples)
    assert (facts["effects"], facts["turned_down"]) == (0, 0)


def test_in_blocks_it_is_what_pedalboard_makes_of_the_whole(made):
    samples = voice_like(20.0, RATE, channels=2)
    result, facts = made(samples, high_pass="100 Hz", threshold="-30 dBFS", ratio=3, reverb=0.25, room=0.8)
    chain = pedalboard.Pedalboard(
        [
            pedalboard.HighpassFilter(100),
            pedalboard.Compressor(-30, 3, 5, 100),
            pedalboard.Reverb(room_size=0.8, wet_level=0.25, dry_level=0.75),
        ]
    )
    np.testing.assert_allclose(result, chain(samples, RATE), atol=ROUNDING)
    assert facts["effects"] == 3


def test_what_would_rise_above_full_scale_is_turned_down_and_said(made):
    result, facts = made(tone(1000, 1.0, RATE, level=-6), gain="12 dB")
    assert facts["peak"] == pytest.approx(6, abs=0.01)
    assert facts["turned_down"] == pytest.approx(6, abs=0.01)
    assert 0.999 < np.abs(result).max() <= 1


def test_a_filter_takes_out_what_it_says(made):
    high, low = tone(5000, 1.0, RATE), tone(50, 1.0, RATE)
    result, _ = made(high + low, low_pass="500 Hz")
    spectrum = np.abs(np.fft.rfft(result[0])) / np.abs(np.fft.rfft((high + low)[0]) + 1e-9)
    assert spectrum[5000] < 0.2
    assert spectrum[50] > 0.9


def test_a_low_pass_beyond_the_rate_changes_nothing(made):
    samples = voice_like(1.0, 8000)
    result, facts = made(samples, 8000, low_pass="10 kHz")
    np.testing.assert_array_equal(result, samples)
    assert facts["effects"] == 0


def test_silence_stays_silence(made):
    result, facts = made(np.zeros((1, RATE), np.float32), gain="20 dB", reverb=0.5)
    assert not result.any()
    assert facts["peak"] is None


@pytest.mark.parametrize(("channels", "rate", "match"), [(6, RATE, "6 channels"), (1, 1000, "leave nothing")])
def test_what_the_chain_cannot_take_is_refused(made, channels, rate, match):
    with pytest.raises(UnusableInputError, match=match) as caught:
        made(voice_like(0.5, rate, channels=channels), rate, high_pass="600 Hz")
    assert caught.value.cause == "unsupported"


@pytest.mark.parametrize("given", [{"high_pass": "2 kHz"}, {"ratio": 0.5}, {"reverb": 2}, {"threshold": "3 dBFS"}])
def test_settings_that_cannot_be_are_refused(given):
    with pytest.raises(ValidationError):
        EffectsSettings(**given)


def test_doctor_is_told_whether_pedalboard_is_there(monkeypatch):
    assert librarian_checks()[0]["state"] == "ok"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert librarian_checks()[0]["state"] == "fail"

"""The methods without weights through the operation: from a file of any length, in segments, into files."""

from __future__ import annotations

import numpy as np
import pytest
from mixtures import assert_near, chords, noise, strokes, voice

from librarian import UnusableInputError
from librarian.testing import sdr
from librarian_separation import SeparateSettings
from librarian_separation.known import WITHOUT_WEIGHTS
from librarian_separation.weightless import build

RATE = 8000
TOLERANCE = 2e-6
"""Of full scale: see the methods' own."""

every_method = pytest.mark.parametrize("model", list(WITHOUT_WEIGHTS))


def song(seconds, channels=2):
    parts = voice(RATE, seconds, channels=channels), chords(RATE, seconds, channels=channels)
    whole = sum(parts) + strokes(RATE, seconds, channels=channels)
    return whole + 0.01 * noise(whole.shape[1], channels)


@every_method
def test_a_name_builds_its_method_with_the_stems_that_are_known_of_it(model):
    assert build(SeparateSettings(model=model), RATE, 2, "cpu").stems == WITHOUT_WEIGHTS[model]


@pytest.mark.parametrize("model", ["hpss", "centre"])
@pytest.mark.parametrize("ending", ["demucs", "short"])
def test_a_long_sound_is_what_it_is_as_a_whole(separated, model, ending):
    mix, settings = song(26)[:, :-1234], {"model": model, "margin": 2.0, "ending": ending}
    stems, _ = separated(None, mix, RATE, stems=WITHOUT_WEIGHTS[model], **settings)
    whole = build(SeparateSettings(**settings), RATE, 2, "cpu")(mix[None])[0]
    assert_near(np.stack(list(stems.values())), whole, TOLERANCE)


@pytest.mark.parametrize("seconds", [58, 64, 121])
def test_repet_passes_from_one_segment_into_the_next(separated, seconds):
    singer = voice(RATE, seconds, channels=1)
    mix = singer + np.resize(chords(RATE, 2, channels=1) + strokes(RATE, 2, channels=1), singer.shape)
    stems, _ = separated(None, mix, RATE, model="repet", stems=["vocals", "accompaniment"])
    assert_near(stems["vocals"] + stems["accompaniment"], mix, TOLERANCE)
    seconds_alone = [slice(start, start + 2 * RATE) for start in range(0, mix.shape[1] - 2 * RATE, 2 * RATE)]
    gains = [
        sdr(singer[:, each], stems["vocals"][:, each]) - sdr(singer[:, each], mix[:, each]) for each in seconds_alone
    ]
    assert min(gains) > 3


@every_method
@pytest.mark.parametrize("frames", [1, 2, 511, 80_000])
def test_stems_of_any_length_add_up(separated, model, frames):
    mix = song(10)[:, :frames]
    first, *_ = WITHOUT_WEIGHTS[model]
    stems, _ = separated(None, mix, RATE, model=model, stems=[first], rest=True)
    assert_near(stems[first] + stems["rest"], mix, TOLERANCE)
    assert not np.array_equal(stems[first], mix) or frames < 100


@every_method
def test_silence_in_is_silence_out(separated, model):
    stems, outputs = separated(
        None, np.zeros((2, 30_000), np.float32), RATE, model=model, stems=WITHOUT_WEIGHTS[model][:2]
    )
    assert not any(sound.any() for sound in stems.values())
    assert all(output.facts["gain"] == 0.0 for output in outputs.values())
    assert {output.facts["model"] for output in outputs.values()} == {model}


@pytest.mark.parametrize("model", ["repet", "hpss"])
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_these_take_any_number_of_channels(separated, model, channels):
    mix = song(2, channels)
    stems, _ = separated(None, mix, RATE, model=model, stems=WITHOUT_WEIGHTS[model][:2])
    assert_near(sum(stems.values()), mix, TOLERANCE)


@pytest.mark.parametrize("model", ["centre", "repet_centre"])
@pytest.mark.parametrize(("channels", "why"), [(1, "a mono sound has no centre"), (6, "this sound has 6 channels")])
def test_those_take_stereo_and_say_so(separated, model, channels, why):
    with pytest.raises(UnusableInputError, match=why) as caught:
        separated(None, song(1, channels), RATE, model=model, stems=["vocals"])
    assert caught.value.cause == "unsupported"

"""The operation `tag`, on real sounds with a small model of random weights."""

import clap_folders
import numpy as np
import pytest

from librarian.models.known import Model
from librarian.testing import tone, voice_like
from librarian_tagging import TagSettings, resolve
from librarian_tagging.known import KNOWN

RATE = 48000
SOUNDS = {"bell": {"prompt": "a bell"}, "laughter": {"prompt": "people laughing"}}


@pytest.fixture(scope="module")
def mixed():
    """26.4 s that change: noise in syllables, a tone, silence, both."""
    voice, high = voice_like(8, RATE)[0], tone(3000, 6, RATE)[0]
    silence = np.zeros(10 * RATE, np.float32)
    return np.concatenate([voice, high, silence, (voice[: high.size] + high)[: round(2.4 * RATE)]])


def test_probabilities_are_those_of_each_window_alone(tagged, clap_folder, mixed):
    ((_, told, facts),) = tagged(mixed, sounds=SOUNDS, window="10 s", hop="4 s")
    assert told.starts == (0, 4, 8, 12, 16, 16.4)
    assert facts["windows"] == 6 and facts["silent"] == 0
    parts = [mixed[round(start * RATE) :][: 10 * RATE] for start in told.starts]
    expected = clap_folders.Plain(clap_folder)(parts, ["a bell", "background noise"])
    np.testing.assert_allclose(told.sounds["bell"], expected, atol=2e-4)


def test_another_sound_changes_no_value_of_those_that_were_there(tagged, mixed):
    ((_, alone, _),) = tagged(mixed, sounds={"bell": {"prompt": "a bell"}})
    ((_, beside, _),) = tagged(mixed, sounds={**SOUNDS, "another": {"prompt": "a very long description of rain"}})
    assert beside.sounds["bell"] == alone.sounds["bell"]
    assert set(beside.sounds) == {"another", "bell", "laughter"}


def test_batches_and_files_beside_each_other_change_nothing(tagged, mixed):
    together = tagged(mixed, mixed[: 11 * RATE], mixed[: 3 * RATE], sounds=SOUNDS, batch=5)
    for sound, (events, told, _) in zip((mixed, mixed[: 11 * RATE], mixed[: 3 * RATE]), together, strict=True):
        ((alone, values, _),) = tagged(sound, sounds=SOUNDS, batch=1)
        assert [each.start for each in events] == [each.start for each in alone]
        for name in SOUNDS:
            np.testing.assert_allclose(told.sounds[name], values.sounds[name], atol=2e-6)


def test_events_are_what_is_above_the_threshold_and_lie_where_the_windows_speak(tagged, mixed):
    ((_, told, _),) = tagged(mixed, sounds=SOUNDS)
    values = told.sounds["bell"]
    threshold = (max(values) + sorted(values)[-2]) / 2
    ((events, _, facts),) = tagged(mixed, sounds={"bell": {"prompt": "a bell", "threshold": threshold}}, release=0)
    place = values.index(max(values))
    (event,) = events
    assert (event.label, event.score, event.channel) == ("bell", pytest.approx(max(values), abs=1e-6), None)
    middles = [start + 5 for start in told.starts]
    expected = 0.0 if place == 0 else (middles[place - 1] + middles[place]) / 2
    assert event.start == pytest.approx(expected)
    assert facts["events"] == 1 and facts["found"] == 1 and facts["sounds"] == 1
    assert facts["covered"] == pytest.approx(event.end - event.start, abs=1e-3)


@pytest.mark.parametrize("frames", [1, 100, 4800, 3 * RATE])
def test_a_recording_shorter_than_a_window_is_one(tagged, frames):
    sound = tone(500, 3, RATE)[0][:frames] + np.float32(0.1)
    ((events, told, facts),) = tagged(sound, sounds={"bell": {"prompt": "a bell", "threshold": 1e-9}})
    assert told.starts == (0,) and facts["windows"] == 1
    (event,) = events
    assert (event.start, event.end) == (0, pytest.approx(frames / RATE, abs=1e-6))


def test_in_silence_there_is_nothing_whatever_a_model_makes_of_it(tagged):
    ((events, told, facts),) = tagged(
        np.zeros(12 * RATE, np.float32), sounds={"bell": {"prompt": "x", "threshold": 1e-9}}
    )
    assert events == []
    assert facts["silent"] == facts["windows"] == 2
    assert told.sounds["bell"] == (0, 0)


def test_each_channel_by_itself_is_as_if_it_were_alone(tagged, mixed):
    other = voice_like(mixed.size / RATE, RATE, seed=5)[0]
    both = np.stack([mixed, other])
    ((events, told, _),) = tagged(both, channels="each", sounds={"bell": {"prompt": "a bell", "threshold": 1e-9}})
    assert {event.channel for event in events} == {0, 1}
    for channel, sound in enumerate(both):
        ((_, alone, _),) = tagged(sound, sounds={"bell": {"prompt": "a bell"}})
        values = [value for value, where in zip(told.sounds["bell"], told.channels, strict=True) if where == channel]
        np.testing.assert_allclose(values, alone.sounds["bell"], atol=2e-6)


def test_a_recording_of_another_rate_is_judged_at_that_of_the_model(tagged):
    sound = tone(440, 5, 8000)[0]
    ((_, told, facts),) = tagged(sound, rate=8000, sounds=SOUNDS)
    ((_, same, _),) = tagged(tone(440, 5, RATE)[0], sounds=SOUNDS)
    assert facts["duration"] == 5
    np.testing.assert_allclose(told.sounds["bell"], same.sounds["bell"], atol=0.02)


def installed(*models):
    return {name: Model(name, "sha256:0", loader) for name, loader in models}


def test_auto_takes_the_best_that_is_installed_and_no_model_of_another_kind():
    settings = TagSettings(sounds=SOUNDS)
    best, smaller = (model.name for model in KNOWN)
    assert resolve(settings, {})[1] == ["clap-htsat-unfused"]
    assert resolve(settings, installed((smaller, "clap"), (best, "clap"), ("own", "clap")))[1] == [best]
    assert resolve(settings, installed(("whisper-small", "transformers"), ("own", "clap")))[1] == ["own"]
    with pytest.raises(ValueError, match=r"another loader in models\.lock than clap"):
        resolve(settings.model_copy(update={"model": "w"}), installed(("w", "transformers")))

"""The operation, on real sounds, with models of random weights."""

import json

import numpy as np
import pytest
import soundfile
import speech_folders

from librarian import Turn, Turns, UnusableInputError, Words
from librarian.audio.vad import Stretch
from librarian.errors import RefusedError
from librarian.testing import tone
from librarian_transcription import TranscribeSettings, resolve
from librarian_transcription.hearing import packed

RATE = 16000


def check(words, seconds):
    """In order, within the recording, each channel without an overlap."""
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    for channel in {word.channel for word in words}:
        own = [at for word in words if word.channel == channel for at in (word.start, word.end)]
        assert own == sorted(own)
        assert not own or (own[0] >= 0 and own[-1] <= seconds + 0.001)


@pytest.mark.parametrize("family", sorted(speech_folders.MAKERS))
def test_every_family_writes_words_with_times(folder, transcribed, talk, family):
    ((made, facts),) = transcribed(folder(family), talk, language="en")
    check(made.words, 12)
    assert made.words and made.language == "en"
    assert facts["words"] == len(made.words)
    assert facts["family"] == family.partition("_")[0].replace("hubert", "wav2vec2")
    assert 8 < facts["speech"] <= facts["duration"] == 12
    Words.model_validate_json(made.model_dump_json())


def test_batches_and_files_beside_each_other_change_nothing(folder, transcribed, talk, call):
    sounds = [talk, call[:1, : 9 * RATE], talk[:, : 4 * RATE], call[1:, : 20 * RATE]]
    for family in ("whisper", "parakeet_ctc"):
        together = transcribed(folder(family), *sounds, batch=3)
        alone = transcribed(folder(family), *sounds, batch=1, together=False)
        for (one, facts), (other, others) in zip(together, alone, strict=True):
            assert [word.text for word in one.words] == [word.text for word in other.words]
            assert [word.start for word in one.words] == pytest.approx([word.start for word in other.words], abs=0.021)
            assert (one.language, facts["pieces"]) == (other.language, others["pieces"])


def test_attempts_left_to_chance_come_out_the_same_again(folder, transcribed, talk):
    (one, facts), (other, _) = (transcribed(folder("whisper"), talk, attempts=3, batch=size)[0] for size in (1, 4))
    assert one == other
    assert facts["redone"] == facts["doubtful"] == facts["pieces"]


def test_the_language_is_found_out_and_recorded(folder, transcribed, talk):
    ((made, facts),) = transcribed(folder("whisper"), talk)
    assert made.language == facts["language"] in speech_folders.LANGUAGES
    assert facts["language_from"] == "heard"
    assert 1 / 3 <= facts["language_certainty"] <= 1


@pytest.mark.parametrize(
    ("family", "asked", "language", "origin"),
    [
        ("whisper", "de", "de", "told"),
        ("canary", "fr", "fr", "told"),
        ("parakeet_tdt", "auto", "und", "model"),
        ("wav2vec2", "gsw-CH", "gsw-CH", "told"),
    ],
)
def test_what_is_told_is_recorded_and_what_nobody_knows_too(folder, transcribed, talk, family, asked, language, origin):
    ((made, facts),) = transcribed(folder(family), talk[:, : 4 * RATE], language=asked)
    assert (made.language, facts["language_from"], facts["language_certainty"]) == (language, origin, None)
    assert facts["language"] == ("another" if language == "gsw-CH" else language)


@pytest.mark.parametrize(("changes", "known"), [({}, "de, en, fr"), ({"english": True}, "en")])
def test_a_language_that_a_model_does_not_know_is_said(folder, transcribed, talk, changes, known):
    with pytest.raises(RefusedError, match=f"does not know the language ja; it knows {known}"):
        transcribed(folder("whisper", **changes), talk, language="ja")


def test_words_have_the_speakers_of_the_turns(folder, transcribed, talk):
    spans = [(0, 5, 1), (6, 12, 2)]
    turns = [Turn(start=a, end=b, speaker=s) for a, b, s in spans]
    given = Turns(speakers=2, counted="given", turns=turns, exclusive=turns)
    ((made, facts),) = transcribed(folder("parakeet_ctc", num_mel_bins=40), talk, turns=given)
    for word in made.words:
        covered = {speaker: min(word.end, b) - max(word.start, a) for a, b, speaker in spans}
        best = max(covered, key=covered.get)
        assert word.speaker == (best if covered[best] > 1e-9 else None)
    assert {1, 2} <= {word.speaker for word in made.words}
    assert facts["uncovered"] == sum(word.speaker is None for word in made.words)


def test_turns_of_another_recording_are_refused(folder, transcribed, talk):
    turns = [Turn(start=0, end=13, speaker=1)]
    with pytest.raises(UnusableInputError, match="the turns go on after the sound has ended"):
        transcribed(folder("wav2vec2"), talk, turns=Turns(speakers=1, counted="given", turns=turns, exclusive=turns))


def test_a_call_is_heard_by_channel_by_itself(folder, transcribed, call):
    ((made, facts),) = transcribed(folder("wav2vec2"), call)
    assert facts["apart"] and {word.channel for word in made.words} == {0, 1}
    check(made.words, call.shape[1] / RATE)
    ((mixed, facts),) = transcribed(folder("wav2vec2"), call, channels="mix")
    assert not facts["apart"] and {word.channel for word in mixed.words} == {None}


def test_stereo_of_one_room_is_heard_as_one_unless_asked(folder, transcribed, talk):
    stereo = np.concatenate([talk, 0.8 * talk])
    ((_, facts),) = transcribed(folder("wav2vec2"), stereo)
    assert not facts["apart"]
    ((made, facts),) = transcribed(folder("wav2vec2"), stereo, channels="each")
    assert facts["apart"] and {word.channel for word in made.words} == {0, 1}


def test_turns_by_channel_say_that_channels_go_by_themselves(folder, transcribed, talk):
    stereo = np.concatenate([talk, 0.8 * talk])
    turns = [Turn(start=0, end=12, speaker=1, channel=0), Turn(start=0, end=12, speaker=2, channel=1)]
    given = Turns(speakers=2, counted="channels", turns=turns, exclusive=turns[:1])
    ((made, facts),) = transcribed(folder("wav2vec2"), stereo, turns=given)
    assert facts["apart"] and all(word.speaker == word.channel + 1 for word in made.words)


@pytest.mark.parametrize(
    ("sound", "rate"),
    [
        (np.zeros((1, 5 * RATE), np.float32), RATE),
        (np.zeros((1, 1), np.float32), RATE),
        (np.full((2, 1), 0.5, np.float32), 44100),
        (tone(440, 3, RATE), RATE),
        (0.001 * np.random.default_rng(1).standard_normal((1, 3 * RATE)).astype(np.float32), RATE),
    ],
    ids=["silence", "a sample", "a sample of two channels", "a tone", "noise"],
)
def test_where_nobody_speaks_there_are_no_words(folder, transcribed, sound, rate):
    for family in ("whisper", "parakeet_tdt"):
        ((made, facts),) = transcribed(folder(family), sound, rate=rate)
        assert (made.words, made.language, facts["pieces"]) == ([], "und", 0)
        assert facts["confidence"] is None


@pytest.mark.parametrize(("rate", "channels", "layout"), [(8000, 1, ""), (48000, 6, "5.1"), (44100, 3, "")])
def test_other_rates_and_channels(folder, transcribed, talk, rate, channels, layout):
    from librarian.audio.resample import resample

    part = resample(talk[:, : 6 * RATE], RATE, rate)
    sound = np.zeros((channels, part.shape[1]), np.float32)
    sound[2 if channels == 6 else 0] = part[0]  # the centre
    ((made, facts),) = transcribed(folder("wav2vec2"), sound, rate=rate, layout=layout)
    check(made.words, 6)
    assert made.words and facts["speech"] > 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(folder, opened, make_task, talk, bad):
    from librarian_transcription.hearing import hear

    task = make_task(talk[:, :10], RATE, None)
    sound = talk[:, : 3 * RATE].copy()
    sound[0, 20000] = bad
    soundfile.write(task.inputs["audio"][0].path, sound.T, RATE, subtype="FLOAT")
    with pytest.raises(UnusableInputError, match="NaN or infinite"):
        hear(task, 1, opened(folder("wav2vec2")).traits, apart=None)


def test_speech_goes_in_pieces_no_longer_than_a_model_takes(folder, opened, make_task, talk):
    from librarian_transcription.hearing import hear

    long = np.tile(talk[:, RATE : 5 * RATE], 40)  # 160 s of speech, almost without a pause
    settings = TranscribeSettings(model="own")
    for family in ("whisper", "moonshine", "wav2vec2"):
        traits = opened(folder(family)).traits
        heard = hear(make_task(long, RATE, settings), 1, traits, apart=None)
        assert all(0 < piece.end - piece.start <= traits.longest * RATE for piece in heard.pieces)
        assert all(one.end <= other.start for one, other in zip(heard.pieces, heard.pieces[1:], strict=False))
        assert sum(piece.end - piece.start for piece in heard.pieces) >= heard.speech - RATE


def test_pieces_are_filled_as_far_as_pauses_allow():
    stretches = [Stretch(0, 5), Stretch(6, 10), Stretch(12, 25), Stretch(26, 31), Stretch(60, 65)]
    assert packed(stretches, longest=30, bridged=3) == [Stretch(0, 25), Stretch(26, 31), Stretch(60, 65)]


def test_no_more_sound_is_held_than_pieces_of_a_batch(folder, transcribed, talk, monkeypatch):
    """Whatever the length: what a model is given at once, and what is cut ahead of it."""
    from librarian_transcription.ctc import ConvolutionalCtc

    sizes = []
    whole = ConvolutionalCtc.encode
    monkeypatch.setattr(
        ConvolutionalCtc, "encode", lambda self, sounds: sizes.append(len(sounds)) or whole(self, sounds)
    )
    ((_, facts),) = transcribed(folder("wav2vec2"), np.tile(talk, 12), batch=2)
    assert facts["pieces"] > 4 and max(sizes) == 2


class Installed:
    def __init__(self, name, loader="transformers"):
        self.name, self.loader = name, loader


def installed(*names, loader="transformers"):
    return {name: Installed(name, loader) for name in names}


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ((), "whisper-small"),
        (("whisper-tiny", "ours"), "whisper-tiny"),
        (("whisper-tiny", "canary-1b-v2"), "canary-1b-v2"),
        (("zulu", "ours"), "ours"),
    ],
)
def test_auto_is_the_best_that_is_there(there, chosen):
    settings, models = resolve(TranscribeSettings(), installed(*there))
    assert (settings.model, models) == (chosen, [chosen])


def test_what_is_known_of_a_model_is_said_before_anything_runs():
    settings, _ = resolve(TranscribeSettings(model="moonshine-tiny"), {})
    assert settings.language == "en"
    with pytest.raises(ValueError, match="moonshine-tiny knows no other language than en"):
        resolve(TranscribeSettings(model="moonshine-tiny", language="de"), {})
    with pytest.raises(ValueError, match="another loader"):
        resolve(TranscribeSettings(model="ours"), installed("ours", loader="demucs"))


def test_settings_of_another_kind_are_refused():
    for given in ({"language": "English, please"}, {"attempts": 0}, {"most_repetition": 1}, {"channels": "left"}):
        with pytest.raises(ValueError, match="validation error"):
            TranscribeSettings(**given)


def test_names_of_the_settings_are_those_of_the_models():
    from typing import get_args

    from librarian_transcription import KnownName
    from librarian_transcription.known import KNOWN

    assert get_args(KnownName)[1:] == tuple(model.name for model in KNOWN)
    assert json.dumps([model.source for model in KNOWN]).count("hub:") == len(KNOWN)

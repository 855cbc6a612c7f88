"""The operation, on the conversations that ship, on silence and on noise."""

import doctest
import importlib
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate
from pydantic import ValidationError

from librarian import Turns, UnusableInputError
from librarian.workers.runners import Runner
from librarian_diarization import DIARIZE, DiarizeSettings, resolve
from librarian_diarization.diarize import Diarizer
from librarian_diarization.timeline import timeline

CEPSTRA = {"features": "cepstra", "model": "none"}
needs_encoder = pytest.mark.skipif(find_spec("resemblyzer") is None, reason="needs the weights of resemblyzer")


@pytest.fixture
def diarized(make_task):
    """What comes out, by output."""

    def run(samples, rate, **settings):
        task = make_task(samples, rate, DiarizeSettings(**{**CEPSTRA, **settings}))
        before = set(task.folder.iterdir())
        found = Runner(Diarizer(task.settings, "cpu"), is_built=True)(task)
        made = {output.value for name, output in found.items() if name in ("rttm", "picture")}
        assert set(task.folder.iterdir()) - before == made
        assert set(found["turns"].facts) == set(DIARIZE.facts)
        assert task.fractions[-1] == 1
        return found

    return run


@pytest.fixture
def error_rate(request):
    """DER of turns against the truth that ships, 0.25 s on each side of a boundary left out."""
    folder = request.config.rootpath / "configs" / "recordings" / "conversations"

    def rate(turns, name, seconds):
        (truth,) = load_rttm(folder / f"{name}.rttm").values()
        found = Annotation()
        for number, turn in enumerate(turns.turns):
            found[Segment(turn.start, turn.end), number] = str(turn.speaker)
        return DiarizationErrorRate(collar=0.5)(truth, found, uem=Timeline([Segment(0, seconds)]))

    return rate


def test_who_spoke_when_is_found_where_the_number_is_given(diarized, recording, error_rate):
    samples, rate = recording("two_speakers")
    found = diarized(samples, rate, speakers=2)
    turns, facts = found["turns"].value, found["turns"].facts
    assert error_rate(turns, "two_speakers", samples.shape[1] / rate) < 0.05
    assert (facts["method"], facts["features"], facts["counted"], facts["certainty"]) == (
        *("classic", "cepstra", "given", "certain"),
    )
    assert (facts["speakers"], facts["turns"]) == (2, len(turns.turns))
    assert facts["duration"] == pytest.approx(25.5)
    assert 0.5 < facts["confidence"] <= 1


def test_a_guessed_number_is_said_to_be_one(diarized, recording):
    facts = diarized(*recording("two_speakers"))["turns"].facts
    assert (facts["counted"], facts["certainty"]) == ("guessed", "low")


@needs_encoder
def test_d_vectors_tell_voices_apart_and_a_number_guessed_by_them_is_fair(diarized, recording, error_rate):
    samples, rate = recording("two_speakers")
    given = diarized(samples, rate, features="d_vectors", speakers=2)
    assert error_rate(given["turns"].value, "two_speakers", samples.shape[1] / rate) < 0.05
    assert given["turns"].facts["certainty"] == "certain"
    guessed = diarized(samples, rate, features="d_vectors", min_speakers=2, max_speakers=4)["turns"].facts
    assert (guessed["counted"], guessed["certainty"]) == ("guessed", "fair")
    assert 2 <= guessed["speakers"] <= 4


@needs_encoder
@pytest.mark.parametrize("speakers", [0, 3])
def test_what_is_too_short_for_d_vectors_is_by_cepstra_and_says_so(diarized, recording, speakers):
    samples, rate = recording("two_speakers")
    part = np.ascontiguousarray(samples[:, 2 * rate : 3 * rate])
    facts = diarized(part, rate, features="d_vectors", speakers=speakers)["turns"].facts
    assert (facts["features"], facts["certainty"], facts["speakers"]) == ("cepstra", "low", 1)


def test_a_call_with_a_voice_a_channel_is_taken_by_its_channels_and_says_so(diarized, recording, error_rate):
    samples, rate = recording("two_channel_call")
    found = diarized(samples, rate)
    turns, facts = found["turns"].value, found["turns"].facts
    assert error_rate(turns, "two_channel_call", samples.shape[1] / rate) < 0.03
    assert (facts["method"], facts["counted"], facts["certainty"]) == ("channels", "channels", "certain")
    assert {turn.channel for turn in turns.turns} == {0, 1}
    (read,) = load_rttm(found["rttm"].value).values()
    assert [segment.start for segment in read.itersegments()] == [turn.start for turn in turns.turns]


@pytest.mark.parametrize("settings", [{"method": "classic", "speakers": 2}, {"speakers": 1}, {"min_speakers": 3}])
def test_what_is_asked_for_comes_before_what_the_channels_say(diarized, recording, settings):
    facts = diarized(*recording("two_channel_call"), **settings)["turns"].facts
    assert facts["method"] == "classic"


def test_channels_of_one_channel_cannot_be(diarized, recording):
    with pytest.raises(UnusableInputError, match="one channel"):
        diarized(*recording("two_speakers"), method="channels")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.0, 0.1])
def test_in_silence_and_noise_nobody_speaks(diarized, channels, level):
    noise = level * np.random.default_rng(2).standard_normal((channels, 6 * 16000))
    found = diarized(noise.astype(np.float32), 16000)
    assert found["turns"].value.turns == []
    assert found["turns"].facts["speakers"] == 0
    assert found["turns"].facts["confidence"] is None
    assert (found["turns"].facts["features"], found["turns"].facts["certainty"]) == ("none", "fair")
    assert found["rttm"].value.read_text() == ""


@pytest.mark.parametrize("frames", [1, 500])
def test_next_to_nothing_is_no_error(diarized, frames):
    assert diarized(np.zeros((1, frames), np.float32), 8000)["turns"].value.turns == []


def test_the_picture_has_a_row_for_each_speaker_and_no_name(diarized, recording):
    found = diarized(*recording("two_channel_call"))
    root = ET.parse(found["picture"].value).getroot()
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if not text[0].isdigit()] == ["speaker_1", "speaker_2", "overlap"]
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("fill-opacity")]
    turns = found["turns"].value.turns
    assert len([bar for bar in bars if bar.get("fill") != "#444444"]) == len(turns)
    places = [float(bar.get("x")) for bar in bars[: len(turns)]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [
        (0.5, ["0:00", "0:00.1", "0:00.2", "0:00.3", "0:00.4", "0:00.5"]),
        (75.0, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00", "1:10"]),
        (7200.0, ["0:00", "10:00", "20:00", "30:00", "40:00", "50:00", "1:00:00"]),
    ],
)
def test_the_picture_has_marks_of_time_however_short_the_recording(seconds, marks):
    root = ET.fromstring(timeline(Turns(speakers=0, counted="guessed", turns=[], exclusive=[]), seconds))
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[: len(marks)] == marks


@needs_encoder
def test_voices_are_put_out_where_they_are_asked_for_and_are_the_same_person_again(diarized, recording):
    samples, rate = recording("two_speakers")
    half = samples.shape[1] // 2
    first, second = (
        diarized(part, rate, speakers=2, voices=True)["voices"].value
        for part in (np.ascontiguousarray(samples[:, :half]), np.ascontiguousarray(samples[:, half:]))
    )
    one, two = (np.array([voice.vector for voice in each.voices]) for each in (first, second))
    alike = one @ two.T
    assert alike.shape == (2, 2)
    pairs = alike.argmax(axis=1)
    assert sorted(pairs) == [0, 1]
    assert alike.max(axis=1).min() > alike.min(axis=1).max()


@needs_encoder
def test_of_a_call_the_voice_of_each_channel_is_taken(diarized, recording):
    found = diarized(*recording("two_channel_call"), voices=True)["voices"].value
    assert [voice.speaker for voice in found.voices] == [1, 2]
    assert all(np.linalg.norm(voice.vector) == pytest.approx(1, abs=1e-3) for voice in found.voices)


def test_torch_is_left_as_it_was(diarized, recording):
    def state():
        cuda, cudnn = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        return torch.get_num_threads(), torch.is_grad_enabled(), cuda, cudnn

    before = state()
    assert True in before[2:]
    diarized(*recording("two_channel_call"), method="classic")
    assert state() == before


def test_auto_never_reaches_a_key(monkeypatch):
    import librarian_diarization

    monkeypatch.setattr(librarian_diarization, "find_spec", lambda name: None)
    assert resolve(DiarizeSettings(), {})[0].features == "cepstra"
    for settings in ({"features": "d_vectors"}, {"voices": True}):
        with pytest.raises(ValidationError, match="pip install --no-deps resemblyzer"):
            DiarizeSettings(**settings)
    monkeypatch.setattr(librarian_diarization, "find_spec", lambda name: name)
    assert resolve(DiarizeSettings(), {})[0].features == "d_vectors"
    assert resolve(DiarizeSettings(features="cepstra"), {})[0].features == "cepstra"


def test_channels_need_no_number():
    with pytest.raises(ValidationError, match="a speaker for each channel"):
        DiarizeSettings(method="channels", speakers=2)


def test_bounds_are_in_order():
    with pytest.raises(ValidationError, match="is below min_speakers"):
        DiarizeSettings(min_speakers=4, max_speakers=3)
    assert DiarizeSettings(speakers=3, max_speakers=2).bounds == (3, 3)


@pytest.mark.parametrize("name", ["rows", "timeline", "units"])
def test_the_examples_hold(name):
    assert doctest.testmod(importlib.import_module(f"librarian_diarization.{name}")).failed == 0

"""Pieces: the very samples, from where to where the settings say, however the blocks of the sound fall."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from librarian import Artifact, Event, Events, UnusableInputError
from librarian.audio.peak import amplitude
from librarian.media import read_audio
from librarian.testing import tone, voice_like
from librarian_editing.cut import cut
from librarian_editing.settings import CutSettings

RATE = 8000
STEP = 1 / 32768
"""Of 16 bits."""
BESIDE = 0.05
"""Seconds that a piece may be off its call."""


@pytest.fixture
def noise():
    """Every sample another one, in 16 bits: 90 s at 8 kHz, more than two blocks."""
    return (np.random.default_rng(3).integers(-9000, 9000, (1, 90 * RATE)) * STEP).astype(np.float32)


@pytest.fixture
def pieces(make_task, artifact, tmp_path):
    """What is cut out: (start, end, samples) each, in frames."""

    def run(samples, events=None, *, rate=RATE, source_bits=16, bits=16, **settings):
        inputs = {"audio": artifact(samples, rate, bits=source_bits)}
        if events is not None:
            path = tmp_path / "events.json"
            path.write_text(json.dumps({"schema": Events.word, **Events(events=events).model_dump()}))
            inputs["events"] = Artifact(path, Events.word)
        task = make_task(CutSettings(**settings), bits=bits, **inputs)
        made = []
        for output in cut(task)["pieces"]:
            found, found_rate = read_audio(output.value)
            assert found_rate == rate
            made.append((round(output.facts["start"] * rate), round(output.facts["end"] * rate), found))
            assert found.shape[1] == made[-1][1] - made[-1][0]
        assert len(list(task.folder.iterdir())) == len(made)  # what was too short is gone
        run.facts = [output.facts for output in cut(task)["pieces"]]
        return made

    return run


def spans(made):
    return [(start / RATE, end / RATE) for start, end, _ in made]


def heard(start, end, label):
    return Event(start=start, end=end, label=label)


def test_by_length_the_pieces_together_are_the_recording(pieces, noise):
    made = pieces(noise, by="length", length="7 s")
    assert spans(made)[:2] == [(0, 7), (7, 14)] and spans(made)[-1] == (84, 90)
    assert np.array_equal(np.concatenate([samples for *_, samples in made], axis=1), noise)
    assert [facts["open_end"] for facts in pieces.facts] == [False] * 12 + [True]


def test_what_is_left_at_the_end_is_dropped_where_it_is_too_short(pieces, noise):
    assert spans(pieces(noise, by="length", length="20 s", minimum="15 s"))[-1] == (60, 80)


def test_padding_is_added_on_both_sides_within_the_recording_and_makes_them_overlap(pieces, noise):
    made = pieces(noise, by="length", length="40 s", padding="1.5 s")
    assert spans(made) == [(0, 41.5), (38.5, 81.5), (78.5, 90)]
    for start, end, samples in made:
        assert np.array_equal(samples, noise[:, start:end])


@pytest.mark.parametrize(("source_bits", "bits"), [(16, 16), (24, 24), (32, 32)])
def test_the_samples_are_those_of_the_recording_in_every_form(pieces, source_bits, bits):
    steps = 2.0 ** (1 - min(source_bits, 24))
    samples = (np.random.default_rng(5).integers(-(2**14), 2**14, (2, 5 * 44100)) * steps).astype(np.float32)
    (start, end, found), *_ = pieces(samples, rate=44100, source_bits=source_bits, bits=bits, by="cues", times=[1.2345])
    assert (start, end) == (round(1.2345 * 44100), 5 * 44100)
    assert np.array_equal(found, samples[:, start:end])


def test_what_a_lossy_file_has_above_full_scale_is_held_there_and_counted(pieces):
    samples = np.full((1, 4 * RATE), 0.5, np.float32)
    samples[0, 100:110], samples[0, 3 * RATE] = 1.25, -1.5
    (_, _, first), (_, _, second) = pieces(samples, source_bits=32, by="length", length="2 s")
    assert (first.max(), second.min()) == (pytest.approx(1, abs=STEP), -1)
    assert [facts["clipped"] for facts in pieces.facts] == [10, 1]
    assert pieces(samples, source_bits=32, bits=32, by="length", length="4 s")[0][2].max() == 1.25


def tape():
    """Five calls on a tape of noise: rings, two voices, a busy tone; and where each is."""
    random = np.random.default_rng(7)
    parts, events, calls, at = [], [], [], 0.0
    for number, talk in enumerate((12, 31.3, 4.7, 60.25, 9)):
        quiet = random.normal(0, 10 ** (-70 / 20), (1, round((3 + number * 0.37) * RATE)))
        ring, busy = tone(425, 2.0, RATE, level=-18), tone(480, 3.0, RATE, level=-18)
        parts += [quiet, ring, voice_like(talk, RATE, seed=number), busy]
        start = at + quiet.shape[1] / RATE
        end = start + 5 + round(talk * RATE) / RATE
        events += [heard(start, start + 0.4, "ring"), heard(start + 1, start + 2, "Ring"), heard(end - 3, end, "busy")]
        calls.append((start, end))
        at = end
    return np.concatenate(parts, axis=1).astype(np.float32), events, calls


def test_a_tape_of_five_calls_makes_five_pieces(pieces):
    sound, events, calls = tape()
    made = spans(pieces(sound, events, by="events", starts=["ring"], ends=["busy", "hangup"]))
    assert len(made) == 5
    for (start, end), (begins, ends) in zip(made, calls, strict=True):
        assert abs(start - begins) <= BESIDE and abs(end - ends) <= BESIDE


def test_by_silence_the_same_calls_are_found_without_events(pieces):
    sound, _, calls = tape()
    made = spans(pieces(sound, by="silence", threshold="-50 dBFS", silence="2.5 s"))
    assert len(made) == 5
    for (start, end), (begins, ends) in zip(made, calls, strict=True):
        assert abs(start - begins) <= BESIDE and abs(end - ends) <= BESIDE


def test_events_that_start_and_end_a_piece_are_in_it_or_not(pieces, noise):
    events = [heard(2, 3, "ring"), heard(10, 12, "busy"), heard(12.5, 14, "busy"), heard(20, 21, "ring")]
    settings = {"by": "events", "starts": ["ring"], "ends": ["busy"]}
    assert spans(pieces(noise, events, **settings)) == [(2, 12), (20, 90)]
    assert [facts["open_end"] for facts in pieces.facts] == [False, True]
    assert spans(pieces(noise, events, edges="drop", **settings)) == [(3, 10), (21, 90)]
    assert spans(pieces(noise, events, by="events", starts=["ring"])) == [(2, 20), (20, 90)]


def test_without_labels_each_event_is_a_piece_though_they_overlap(pieces, noise):
    events = [heard(30, 60, "speech"), heard(1, 31, "music"), heard(5, 5.5, "click")]
    assert spans(pieces(noise, events, by="events")) == [(1, 31), (30, 60)]


def test_events_that_go_on_after_the_recording_are_of_another(pieces, noise):
    assert spans(pieces(noise, [heard(80, 90.4, "x")], by="events")) == [(80, 90)]
    for wrong in ([heard(80, 91, "x")], [heard(95, 99, "x")]):
        with pytest.raises(UnusableInputError, match="another recording") as caught:
            pieces(noise, wrong, by="events")
        assert caught.value.cause == "unsupported"


def test_more_pieces_at_once_than_files_may_be_open_are_refused(pieces, noise):
    with pytest.raises(UnusableInputError, match="more than 64 pieces overlap"):
        pieces(noise, [heard(n / 10, 80, "x") for n in range(70)], by="events")


def naive_silence(samples, threshold, silence, padding, minimum):
    """Pieces between silences, from the whole sound at once."""
    window = RATE // 50
    count = -(-samples.shape[1] // window)
    loud = [
        n
        for n in range(count)
        if samples[:, n * window : (n + 1) * window].var(axis=1).max() >= amplitude(threshold) ** 2
    ]
    found = []
    for n in loud:
        first, last = n * window, min((n + 1) * window, samples.shape[1])
        if found and last - found[-1][1] < silence * RATE + window:
            found[-1][1] = last
        else:
            found.append([first, last])
    pad = round(padding * RATE)
    return [
        (max(0, first - pad), min(last + pad, samples.shape[1]))
        for first, last in found
        if last - first >= minimum * RATE
    ]


@pytest.mark.parametrize(("silence", "padding", "minimum"), [(0.2, 0.0, 0.0), (0.5, 0.3, 1.0), (3.0, 4.0, 2.5)])
@pytest.mark.parametrize("channels", [1, 2])
def test_by_silence_it_cuts_as_one_who_has_the_whole_sound(pieces, silence, padding, minimum, channels):
    random = np.random.default_rng(11)
    lengths = random.exponential(2.0, 60)
    loudness = [amplitude(-20 if number % 2 else -70) for number in range(60)]
    sound = np.concatenate(
        [
            random.normal(0, level, (channels, int(length * RATE) + 7))
            for level, length in zip(loudness, lengths, strict=True)
        ],
        axis=1,
    )
    sound = (np.round(np.clip(sound, -1, 1 - STEP) / STEP) * STEP).astype(np.float32)
    made = pieces(sound, by="silence", silence=silence, padding=padding, minimum=minimum)
    assert [(start, end) for start, end, _ in made] == naive_silence(sound, -45, silence, padding, minimum)
    for start, end, samples in made:
        assert np.array_equal(samples, sound[:, start:end])


def test_a_recording_of_nothing_but_silence_has_no_pieces(pieces):
    assert pieces(np.zeros((1, 10 * RATE), np.float32)) == []


def test_cues_of_a_file_cut_as_their_times_do(pieces, noise, tmp_path):
    (tmp_path / "tape.cue").write_text(
        'FILE "x.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 00 00:04:00\n    INDEX 01 00:05:15\n  TRACK 02 AUDIO\n'
        '    TITLE "Peter Jones"\n    INDEX 01 01:00:00\n'
    )
    by_file = spans(pieces(noise, by="cues", cues=str(tmp_path / "tape.cue")))
    assert by_file == spans(pieces(noise, by="cues", times=["5.2 s", "1 min"])) == [(5.2, 60), (60, 90)]
    (tmp_path / "tape.csv").write_text("who;Start;End\nJones;0:05.5;0:07\nx;30;\ny;0:00:50;\n")
    assert spans(pieces(noise, by="cues", cues=str(tmp_path / "tape.csv"))) == [(5.5, 7), (30, 50), (50, 90)]
    with pytest.raises(UnusableInputError, match="another recording"):
        pieces(noise, by="cues", times=[0, 100])


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"by": "cues"}, "takes either times"),
        ({"by": "cues", "times": [0], "cues": "nowhere.cue"}, "no such file"),
        ({"times": [5, 3]}, "not in order"),
        ({"by": "length", "length": 0}, "greater than or equal to 1"),
        ({"silence": "61 s"}, "less than or equal to 60"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, match):
    with pytest.raises(ValidationError, match=match):
        CutSettings(**given)

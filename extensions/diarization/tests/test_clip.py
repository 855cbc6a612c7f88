"""Clips: the very samples, of the right turns."""

import numpy as np
import pytest

from librarian import Turn, Turns, UnusableInputError
from librarian.media import read_audio
from librarian_diarization import ClipSettings
from librarian_diarization.clip import clip

RATE = 44100


def turns(*parts, channels=False):
    made = [
        Turn(start=start, end=end, speaker=who, channel=who - 1 if channels else None, confidence=0.5)
        for start, end, who in parts
    ]
    return Turns(speakers=max((who for *_, who in parts), default=0), counted="given", turns=made, exclusive=[])


@pytest.fixture
def sound():
    """Every sample another one: six seconds of two channels."""
    return np.random.default_rng(3).uniform(-0.5, 0.5, (2, 6 * RATE)).astype(np.float32)


@pytest.fixture
def clipped(make_task, sound):
    """What is cut out: (speaker, start in frames, samples) each."""

    def run(of, samples=None, **settings):
        task = make_task(sound if samples is None else samples, RATE, ClipSettings(**settings), of)
        made = []
        for output in clip(task)["clips"]:
            found, rate = read_audio(output.value)
            assert rate == RATE
            made.append((output.facts["speaker"], round(output.facts["start"] * RATE), found))
        return made

    return run


def spans(made):
    return [(who, start / RATE, (start + found.shape[1]) / RATE) for who, start, found in made]


PLAIN = {"minimum": 0, "gap": 0, "padding": 0}


def test_a_clip_holds_the_very_samples_of_its_turn(clipped, sound):
    made = clipped(turns((0.25, 1.5, 1), (1.2, 3.0001, 2), (3.5, 5, 1)), **PLAIN)
    assert [who for who, _, _ in made] == [1, 2, 1]
    for (_, start, found), (begin, end) in zip(made, [(0.25, 1.5), (1.2, 3.0001), (3.5, 5)], strict=True):
        assert start == round(begin * RATE)
        assert np.array_equal(found, sound[:, round(begin * RATE) : round(end * RATE)])


def test_what_is_short_is_left_out_and_what_is_near_is_joined(clipped):
    made = clipped(turns((0, 0.9, 1), (1, 1.5, 1), (2, 2.3, 2), (3, 3.8, 1)), minimum="1 s", gap="0.2 s", padding=0)
    assert spans(made) == [(1, 0, 1.5)]


def test_padding_stays_within_the_recording(clipped):
    made = clipped(turns((0.05, 1, 1), (5, 5.95, 2)), minimum=0, padding="0.2 s", gap=0)
    assert spans(made) == [(1, 0, pytest.approx(1.2, abs=1e-4)), (2, pytest.approx(4.8, abs=1e-4), 6)]


def test_without_overlap_nothing_of_others_is_in_a_clip(clipped):
    of = turns((0, 2, 1), (1.5, 3, 2), (3.05, 4, 1))
    made = spans(clipped(of, minimum=0, gap=0, padding="0.1 s", overlap="drop"))
    expected = [(1, 0, 1.5), (2, 2, 3.05), (1, 3, 4.1)]
    assert made == [(who, pytest.approx(start, abs=1e-4), pytest.approx(end, abs=1e-4)) for who, start, end in expected]


def test_of_a_speaker_with_a_channel_only_that_is_cut_unless_all_are_wanted(clipped, sound):
    of = turns((1, 2, 1), (3, 4, 2), channels=True)
    own = clipped(of, **PLAIN)
    assert np.array_equal(own[1][2], sound[1:, 3 * RATE : 4 * RATE])
    both = clipped(of, channels="all", **PLAIN)
    assert np.array_equal(both[1][2], sound[:, 3 * RATE : 4 * RATE])
    mono = clipped(of, samples=sound[:1], **PLAIN)
    assert np.array_equal(mono[1][2], sound[:1, 3 * RATE : 4 * RATE])


def test_where_nobody_speaks_there_are_no_clips(clipped):
    assert clipped(turns()) == []


def test_turns_that_go_on_after_the_sound_are_of_another_recording(clipped):
    assert spans(clipped(turns((5, 6.4, 1)), **PLAIN)) == [(1, 5, 6)]
    with pytest.raises(UnusableInputError, match="another recording"):
        clipped(turns((5, 6.6, 1)), **PLAIN)
    with pytest.raises(UnusableInputError, match="another recording"):
        clipped(turns((1, 2, 1), (9, 9.9, 1)), **PLAIN)

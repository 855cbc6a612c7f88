"""Turns: numbered, made exclusive, joined."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian import Turn
from librarian_diarization.found import Found, alone, exclusive, merged, overlaps

TICKS = 40


def turn(start, end, speaker, confidence=None):
    return Turn(start=start, end=end, speaker=speaker, confidence=confidence)


@st.composite
def conversations(draw):
    """Turns by start, those of one speaker apart."""
    turns = []
    for speaker in range(1, draw(st.integers(1, 3)) + 1):
        edges = sorted(draw(st.sets(st.integers(0, TICKS), max_size=8)))
        for start, end in zip(edges[::2], edges[1::2], strict=False):
            turns.append(turn(start, end, speaker, draw(st.sampled_from([0.25, 0.5, 1.0]))))
    return sorted(turns, key=lambda each: (each.start, each.end, each.speaker))


def speaking(turns):
    """Who speaks in each tick: `[speakers, ticks]`."""
    grid = np.zeros((4, TICKS), bool)
    for each in turns:
        grid[each.speaker, int(each.start) : int(each.end)] = True
    return grid


@given(conversations())
def test_exclusive_turns_cover_the_same_time_with_one_speaker_who_speaks_then(turns):
    found = speaking(exclusive(turns))
    assert (found.sum(axis=0) == speaking(turns).any(axis=0)).all()
    assert not (found & ~speaking(turns)).any()


@given(conversations())
def test_overlaps_are_where_more_than_one_speaks(turns):
    grid = np.zeros(TICKS, bool)
    found = overlaps(turns)
    for start, end in found:
        grid[int(start) : int(end)] = True
    assert (grid == (speaking(turns).sum(axis=0) > 1)).all()
    assert all(end < start for (_, end), (start, _) in pairwise(found))


@given(conversations())
def test_alone_is_what_is_left_without_overlaps(turns):
    grid = speaking(turns)
    assert (speaking(alone(turns)) == (grid & (grid.sum(axis=0) == 1))).all()


def test_the_surer_one_of_two_who_overlap_is_taken_and_of_equals_the_first():
    surer = exclusive([turn(0, 4, 1, 0.5), turn(2, 6, 2, 0.9)])
    assert [(each.start, each.end, each.speaker) for each in surer] == [(0, 2, 1), (2, 6, 2)]
    equal = exclusive([turn(0, 4, 1, 0.5), turn(2, 6, 2, 0.5)])
    assert [(each.start, each.end, each.speaker) for each in equal] == [(0, 4, 1), (4, 6, 2)]


def test_turns_of_one_speaker_are_joined_over_a_gap_and_are_as_sure_as_the_least():
    joined = merged([turn(0, 1, 1, 0.9), turn(1.1, 1.2, 2), turn(1.25, 2, 1, 0.6), turn(2.5, 3, 1)], 0.3)
    assert [(each.start, each.end, each.speaker, each.confidence) for each in joined] == [
        (0, 2, 1, 0.6),
        (1.1, 1.2, 2, None),
        (2.5, 3, 1, None),
    ]


def test_speakers_are_numbered_as_they_come_in():
    found = Found([turn(3, 4, 2), turn(0, 1, 7), turn(5, 6, 7)], "classic", "guessed", "low", "cepstra").as_data()
    assert [each.speaker for each in found.turns] == [1, 2, 1]
    assert (found.speakers, found.counted) == (2, "guessed")


@pytest.mark.parametrize("function", [exclusive, overlaps, alone])
def test_of_nothing_comes_nothing(function):
    assert function([]) == []

"""Where windows lie, what they speak for, and what becomes an event: exactly."""

import doctest
import tracemalloc

import numpy as np
import pytest

from librarian_tagging import placing
from librarian_tagging.placing import Rules, borders, events, windows


def test_the_examples_in_the_module_hold():
    assert doctest.testmod(placing).failed == 0


@pytest.mark.parametrize("blocks", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("frames", "starts"),
    [
        (1, [0]),
        (9, [0]),
        (10, [0]),
        (11, [0, 1]),
        (14, [0, 4]),
        (15, [0, 4, 5]),
        (18, [0, 4, 8]),
        (26, [0, 4, 8, 12, 16]),
    ],
)
def test_windows_cover_all_and_the_last_one_ends_with_the_sound(frames, starts, blocks):
    sound = np.arange(2 * frames, dtype=np.float32).reshape(2, frames)
    pieces = [sound[:, at : at + blocks] for at in range(0, frames, blocks)]
    found = list(windows(pieces, size=10, hop=4))
    assert [each.start for each in found] == starts
    for each in found:
        np.testing.assert_array_equal(each.samples, sound[:, each.start : each.start + 10])
    assert found[-1].start + found[-1].samples.shape[1] == frames


def test_windows_that_do_not_overlap_leave_nothing_out():
    sound = np.arange(23, dtype=np.float32)[np.newaxis]
    assert [each.start for each in windows([sound], size=10, hop=10)] == [0, 10, 13]


def test_of_a_long_sound_little_more_than_a_window_is_held():
    blocks = (np.zeros((1, 1000), np.float32) for _ in range(3000))
    tracemalloc.start()
    count = sum(1 for _ in windows(blocks, size=10_000, hop=5000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 599
    assert peak < 6 * 4 * 10_000


def test_no_sound_has_no_window():
    assert not list(windows([np.zeros((1, 0), np.float32)], size=10, hop=5))


def test_each_window_speaks_for_what_is_nearest_to_its_middle():
    assert borders([0.0, 5.0, 10.0, 12.0], 10.0, 22.0) == [0.0, 7.5, 12.5, 16.0, 22.0]
    assert borders([0.0], 3.0, 3.0) == [0.0, 3.0]


PLACES = [0, 1, 2, 3, 4, 5, 6]


def found(probabilities, **rules):
    rules = {"threshold": 0.5, "release": 0.5, **rules}
    return [(each.start, each.end, each.score) for each in events(probabilities, PLACES, Rules(**rules))]


def test_an_event_lasts_as_long_as_it_is_probable():
    assert found([0.1, 0.5, 0.9, 0.4, 0.1, 0.6]) == [(1, 3, 0.9), (5, 6, 0.6)]


def test_it_goes_on_above_the_release_but_does_not_begin_there():
    assert found([0.4, 0.6, 0.4, 0.4, 0.2, 0.4], release=0.4) == [(1, 4, 0.6)]


def test_short_gaps_are_bridged_before_short_events_are_left_out():
    probabilities = [0.7, 0.1, 0.8, 0.1, 0.1, 0.9]
    assert found(probabilities, gap=1) == [(0, 3, 0.8), (5, 6, 0.9)]
    assert found(probabilities, gap=1, minimum=2) == [(0, 3, 0.8)]
    assert found(probabilities, gap=2) == [(0, 6, 0.9)]
    assert found(probabilities, minimum=2) == []


def test_nothing_probable_is_no_event():
    assert found([0.1] * 6) == []
    assert list(events([], [0.0], Rules(0.5, 0.5))) == []

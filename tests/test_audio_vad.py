"""Stretches of speech against a naive search over the whole, and the rules one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio.vad import Stretch, Thresholds, speech, windows

RATE, HOP = 1000, 100
PLAIN = Thresholds(shortest_speech=0, shortest_silence=0, pad=0)


def runs(flags):
    """Where a row of booleans is true: first and behind last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2], edges[1::2], strict=True))


def naive(probabilities, thresholds):
    """Rule after rule, each over the whole sound, on one boolean a frame."""
    active = np.zeros(len(probabilities), bool)
    for i in range(len(active)):
        for p in probabilities[i::-1]:  # the last probability that decides anything
            if p >= thresholds.onset or p < thresholds.offset:
                active[i] = p >= thresholds.onset
                break
    active = np.repeat(active, HOP)
    for start, end in runs(~active):
        if 0 < start and end < len(active) and end - start < round(thresholds.shortest_silence * RATE):
            active[start:end] = True
    kept = [(s, e) for s, e in runs(active) if e - s >= round(thresholds.shortest_speech * RATE)]
    found = []
    for i, (start, end) in enumerate(kept):
        room_before = start if i == 0 else (start - kept[i - 1][1]) // 2
        room_after = len(active) - end if i == len(kept) - 1 else (kept[i + 1][0] - end) // 2
        pad = round(thresholds.pad * RATE)
        found.append(Stretch(start - min(pad, room_before), end + min(pad, room_after)))
    return found


def found(probabilities, thresholds=PLAIN):
    return list(speech(probabilities, RATE, HOP, thresholds, frames=len(probabilities) * HOP))


@settings(deadline=None, max_examples=400)
@given(
    probabilities=st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.5, 0.6, 1.0]), max_size=40),
    levels=st.tuples(st.sampled_from([0.3, 0.4, 0.5]), st.sampled_from([0.5, 0.6])),
    durations=st.tuples(*[st.sampled_from([0.0, 0.1, 0.101, 0.2, 0.35, 0.5])] * 3),
)
def test_it_finds_what_a_search_over_the_whole_finds(probabilities, levels, durations):
    thresholds = Thresholds(levels[1], levels[0], *durations)
    assert found(probabilities, thresholds) == naive(probabilities, thresholds)


@settings(deadline=None, max_examples=300)
@given(
    probabilities=st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.5, 0.6, 1.0]), max_size=60),
    shortest=st.sampled_from([0.0, 0.1, 0.2]),
    pad=st.sampled_from([0.0, 0.03]),
    longest=st.sampled_from([0.5, 0.73, 1.0]),
)
def test_what_is_too_long_is_cut_into_parts_that_touch(probabilities, shortest, pad, longest):
    whole = found(probabilities, Thresholds(shortest_speech=shortest, pad=pad))
    parts = found(probabilities, Thresholds(shortest_speech=shortest, pad=pad, longest_speech=longest))
    assert all(0 < each.end - each.start <= longest * RATE for each in parts)
    assert all(each.end - each.start >= shortest * RATE for each in parts)
    covered = np.zeros((2, len(probabilities) * HOP), int)
    for row, stretches in zip(covered, (whole, parts), strict=True):
        for each in stretches:
            row[each.start : each.end] += 1
    assert np.array_equal(*covered)
    assert {each for each in whole if each.end - each.start <= (longest - 2 * pad) * RATE} <= set(parts)


def test_it_is_cut_where_speech_is_least_probable_in_the_second_half():
    thresholds = Thresholds(shortest_speech=0, pad=0, longest_speech=1.0)
    # Of windows 5 to 10 the last of the least, then, from there on, of the five to ten after it.
    probabilities = [1, 0.4, 1, 1, 1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 0.6, 1, 1, 1, 1, 1, 1]
    assert found(probabilities, thresholds) == [Stretch(0, 800), Stretch(800, 1300), Stretch(1300, 2000)]


def test_speech_begins_at_the_onset_and_goes_on_until_it_falls_below_the_offset():
    assert found([0.4, 0.5, 0.35, 0.4, 0.34, 0.4]) == [Stretch(100, 400)]


def test_speech_that_lasts_to_the_end_ends_there():
    assert found([0, 1, 1], Thresholds(pad=5, shortest_speech=0)) == [Stretch(0, 300)]
    assert list(speech([0, 1, 1], RATE, HOP, PLAIN, frames=250)) == [Stretch(100, 250)]


def test_each_stretch_comes_while_the_rest_is_still_to_be_heard():
    heard = []

    def listen():
        for number in range(10**9):
            heard.append(number)
            yield float(number % 10 < 5)

    stretches = speech(listen(), RATE, HOP, PLAIN)
    assert [next(stretches), next(stretches)] == [Stretch(0, 500), Stretch(1000, 1500)]
    assert len(heard) < 40


def test_a_model_like_silero_gets_512_frames_at_a_time():
    sound = np.random.default_rng(0).uniform(-1, 1, (1, 1300)).astype(np.float32)
    framed = list(windows([sound[:, :700], sound[:, 700:]]))
    assert [each.shape for each in framed] == [(1, 512)] * 3
    assert np.array_equal(np.concatenate(framed, axis=1)[:, :1300], sound)
    assert not framed[-1][:, 1300 - 1024 :].any()


def test_a_burst_between_silences_is_found_from_the_sound():
    sound = np.zeros((1, 32000), np.float32)
    sound[0, 10240:20480] = 0.5
    loud = (float(np.abs(window).max() > 0.1) for window in windows([sound]))
    assert list(speech(loud, 16000, frames=32000)) == [Stretch(10240 - 480, 20480 + 480)]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"onset": 0.3, "offset": 0.4}, "no higher"),
        ({"onset": 1.1}, "between 0 and 1"),
        ({"offset": -0.1}, "between 0 and 1"),
        ({"pad": -0.1}, "below 0"),
        ({"shortest_speech": float("nan")}, "below 0"),
        ({"longest_speech": 0.5, "shortest_speech": 0.25, "pad": 0}, "over 0.5 s"),
        ({"longest_speech": float("nan")}, "longest"),
    ],
)
def test_thresholds_out_of_range_are_refused(given, match):
    with pytest.raises(ValueError, match=match):
        Thresholds(**given)

"""Clustering and resegmentation, on voices made of numbers and against naive ways to compute the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian_diarization.counting import voices_in
from librarian_diarization.likelihood import ENOUGH, RIDGE, Clusters, by_likelihood
from librarian_diarization.resegmentation import likeliest_path, resegmented
from librarian_diarization.spectral import graph_of, parted

DIMENSIONS = 19


def same_parts(labels, truth):
    """Whether two labellings part the same things, whatever they call them."""
    pairs = set(zip(labels, truth, strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.fixture
def voices():
    """Groups of frames of several Gaussians, and whose each group is."""

    def make(number, each=12, frames=70, apart=1.5, seed=0):
        rng = np.random.default_rng(seed)
        means = rng.standard_normal((number, DIMENSIONS)) * apart
        shapes = rng.uniform(0.5, 2.0, (number, DIMENSIONS))
        truth = np.repeat(np.arange(number), each)
        rng.shuffle(truth)
        groups = [
            (means[who] + shapes[who] * rng.standard_normal((frames, DIMENSIONS))).astype(np.float32) for who in truth
        ]
        return groups, truth

    return make


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_it_finds_how_many_voices_there_are_and_whose_each_piece_is(voices, number):
    groups, truth = voices(number)
    assert same_parts(by_likelihood(groups, 1, 10), truth)


def test_the_bounds_hold_against_what_it_would_find(voices):
    groups, _ = voices(3)
    for least, most, expected in [(5, 5, 5), (1, 2, 2), (4, 10, 4), (1, 10, 3), (1, 1, 1)]:
        assert len(set(by_likelihood(groups, least, most))) == expected
    assert len(set(by_likelihood(groups[:2], 5, 5))) == 2


def test_a_cost_is_the_likelihood_that_merging_loses():
    rng = np.random.default_rng(1)
    groups = [rng.standard_normal((frames, 4)).astype(np.float32) * (1 + frames / 100) for frames in (50, 80, 3000)]
    cost = Clusters.of(groups).costs(0, np.array([1, 2]))

    def log(frames):
        return len(frames) / 2 * np.log(np.linalg.det(np.cov(frames.T, bias=True) + RIDGE * np.eye(4)))

    small = log(np.concatenate(groups[:2])) - log(groups[0]) - log(groups[1])
    assert cost[0] == pytest.approx(small, rel=1e-4)
    large = Clusters.of([np.tile(groups[0], (60, 1)), groups[2]]).costs(0, np.array([1]))[0]
    frames = np.concatenate([np.tile(groups[0], (60, 1)), groups[2]])
    harmonic = 3000 * 3000 / 6000
    whole = log(frames) - log(frames[:3000]) - log(frames[3000:])
    assert large == pytest.approx(whole * ENOUGH / harmonic, rel=1e-4)


def directions(number, each, spread, seed=0):
    rng = np.random.default_rng(seed)
    means = np.abs(rng.standard_normal((number, 256)))
    truth = rng.permutation(np.repeat(np.arange(number), each))
    vectors = means[truth] + spread * rng.standard_normal((len(truth), 256))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("number", [2, 4])
def test_vectors_of_each_voice_are_put_together(number):
    vectors, truth = directions(number, 20, 0.5)
    graph = graph_of(vectors)
    assert graph.number == number
    assert same_parts(parted(graph, number, 0), truth)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_voices_are_counted_by_both_kinds_of_evidence(voices, number):
    groups, truth = voices(number, each=20)
    vectors, shuffled = directions(number, 20, 0.5)
    order = np.argsort(truth, kind="stable")
    vectors = vectors[np.argsort(shuffled, kind="stable")]
    found = voices_in(graph_of(vectors), vectors, [groups[place] for place in order], (1, 10), 0)
    assert found == number


def test_a_count_keeps_to_the_bounds(voices):
    groups, truth = voices(3, each=15)
    vectors, shuffled = directions(3, 15, 0.5)
    vectors = vectors[np.argsort(shuffled, kind="stable")]
    pieces = [groups[place] for place in np.argsort(truth, kind="stable")]
    graph = graph_of(vectors)
    assert voices_in(graph, vectors, pieces, (1, 2), 0) == 2
    assert voices_in(graph, vectors, pieces, (5, 8), 0) == 5


@settings(deadline=None)
@given(
    scores=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=9),
    change=st.integers(0, 12),
)
def test_no_path_is_likelier_than_the_likeliest(scores, change):
    grid = np.array(scores, np.float32)

    def sum_of(path):
        return sum(grid[place, state] for place, state in enumerate(path)) - change * np.count_nonzero(np.diff(path))

    best = max(sum_of(path) for path in itertools.product(range(2), repeat=len(grid)))
    assert sum_of(likeliest_path(grid, float(change))) == best


def test_a_guess_that_is_wrong_in_places_is_mended(voices):
    groups, truth = voices(2, each=6, frames=100)
    frames = np.concatenate(groups).astype(np.float16)
    right = np.repeat(truth, 100)
    guess = right.copy()
    guess[:30] = 1 - guess[:30]
    guess[400:] = -1
    labels, margins = resegmented(frames, np.ones(len(frames), bool), guess)
    assert same_parts(labels, right)
    assert np.median(margins) > 1


def test_a_voice_that_loses_all_its_frames_is_gone(voices):
    groups, _ = voices(1)
    frames = np.concatenate(groups).astype(np.float16)
    guess = np.zeros(len(frames), np.intp)
    guess[:5] = 1
    labels, _ = resegmented(frames, np.ones(len(frames), bool), guess)
    assert set(labels) == {0}

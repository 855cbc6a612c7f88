"""Clustering and resegmentation, on voices made of numbers and against naive ways to compute the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian_diarization.cepstra import BANDS
from librarian_diarization.counting import voices_in
from librarian_diarization.likelihood import ENOUGH, RIDGE, Clusters, by_likelihood
from librarian_diarization.paths import Path
from librarian_diarization.resegmentation import resegmented
from librarian_diarization.spectral import graph_of, parted
from librarian_diarization.spool import Spool

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
    scores=st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=1, max_size=7),
    costs=st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=3, max_size=3),
)
def test_no_path_is_likelier_than_the_likeliest(scores, costs):
    grid, changes = np.array(scores, np.float32), np.array(costs, np.float64) * ~np.eye(3, dtype=bool)

    def sum_of(path):
        return sum(grid[place, state] for place, state in enumerate(path)) - sum(
            changes[pair] for pair in itertools.pairwise(path)
        )

    best = max(sum_of(path) for path in itertools.product(range(3), repeat=len(grid)))
    path = Path(changes)
    first, _ = path.add(grid)
    assert len(first) == 0
    found, kept = path.end()
    assert sum_of(found) == best
    np.testing.assert_array_equal(kept, grid)


def test_a_path_in_pieces_is_that_of_the_whole():
    rng = np.random.default_rng(4)
    truth = np.repeat(rng.integers(0, 4, 60), rng.integers(20, 90, 60))
    scores = (rng.standard_normal((len(truth), 4)) + 1.5 * np.eye(4)[truth]).astype(np.float32)
    costs = 12.0 * ~np.eye(4, dtype=bool)
    whole, pieces = Path(costs), Path(costs, lag=200)
    found = np.concatenate([whole.add(scores)[0], whole.end()[0]])
    parts = [pieces.add(part) for part in np.array_split(scores, 11)] + [pieces.end()]
    assert sum(len(states) > 0 for states, _ in parts) > 8
    np.testing.assert_array_equal(np.concatenate([states for states, _ in parts]), found)
    np.testing.assert_array_equal(np.concatenate([kept for _, kept in parts]), scores)


@pytest.fixture
def spooled(tmp_path):
    """Frames `[frames, 32]` in a file."""

    with Spool(tmp_path, BANDS) as spool:

        def make(frames):
            spool.append(frames)
            return spool

        yield make


@pytest.fixture
def bands():
    """Logarithmic bands of voices, each a spectrum of its own with peaks that come and go."""

    def make(voice, frames, seed=0):
        rng = np.random.default_rng([voice, seed])
        shape = np.random.default_rng(voice).uniform(-5, 0, (6, BANDS))
        return (
            shape[np.repeat(rng.integers(6, size=frames), 4)[:frames]] + rng.normal(0, 0.5, (frames, BANDS))
        ).astype(np.float16)

    return make


def test_a_guess_that_is_wrong_in_places_is_mended(spooled, bands):
    right = np.repeat([0, 1, 0, 1, 0, 1], 200)
    frames = np.concatenate([bands(voice, 200, seed) for seed, voice in enumerate(right[::200])])
    guess = right.astype(np.int16)
    guess[:30] = 1
    guess[400:500] = -1
    found = resegmented(spooled(frames), np.ones(len(frames), bool), guess)
    assert same_parts(found.voices[:, 0], right)
    assert set(found.voices[:, 1]) == {-1}
    assert np.median(found.margins[:, 0]) > 1


def test_where_two_speak_at_once_both_are_found(spooled, bands):
    one, other = bands(1, 900), bands(2, 900)
    both = np.logaddexp(bands(1, 150, 5), bands(2, 150, 5))
    frames = np.concatenate([one[:600], both, other[:600], one[600:], other[600:]])
    guess = np.repeat([0, 1, 0, 1], [675, 675, 300, 300]).astype(np.int16)
    found = resegmented(spooled(frames), np.ones(len(frames), bool), guess)
    number = (found.voices >= 0).sum(axis=1)
    assert (number[610:740] == 2).mean() > 0.7
    assert (np.delete(number, slice(590, 760)) == 1).mean() > 0.95
    assert (np.sort(found.voices[610:740][number[610:740] == 2]) == [0, 1]).all()


def test_a_voice_that_loses_all_its_frames_is_gone(spooled, bands):
    frames = bands(1, 800)
    guess = np.zeros(len(frames), np.int16)
    guess[:5] = 1
    found = resegmented(spooled(frames), np.ones(len(frames), bool), guess)
    assert set(found.voices[:, 0]) == {0}
    assert np.isinf(found.margins[:, 0]).all()


def test_rows_come_back_from_the_file_and_nothing_is_left_of_it(tmp_path):
    rows = np.arange(40000).reshape(-1, 2) % 2000
    with Spool(tmp_path, 2) as spool:
        for part in np.array_split(rows, 7):
            spool.append(part)
        assert len(spool) == len(rows)
        np.testing.assert_array_equal(np.concatenate(list(spool.blocks())), rows)
        places = np.array([0, 1, 2, 700, 19998, 19999])
        np.testing.assert_array_equal(spool.rows(places), rows[places])
        assert spool.rows(np.array([], np.intp)).shape == (0, 2)
        assert list(tmp_path.iterdir()) == []

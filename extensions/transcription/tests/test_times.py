"""When tokens were said: attention that a test made, and emissions, beside what libraries make of them."""

import itertools

import numpy as np
import pytest
import torch

from librarian_transcription.attention import SMOOTHED, onsets, score
from librarian_transcription.emissions import align, collapsed


def looking(starts, frames, heads=2, sharp=8.0, seed=3):
    """Attention of heads that follow the sound: each token looks at its own stretch, `[heads, tokens, frames]`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=0.5, size=(heads, len(starts), frames))
    for token, (start, end) in enumerate(itertools.pairwise([*starts, frames])):
        logits[:, token, start:end] += sharp
    return torch.from_numpy(logits).softmax(dim=-1)


@pytest.mark.parametrize("starts", [[0, 20, 50, 90], [0, 8, 16, 24, 100], [0]])
def test_tokens_begin_where_attention_moves_on(starts):
    found = onsets(score(looking(starts, 130)).numpy())
    assert found == pytest.approx(starts, abs=SMOOTHED // 2 + 1)


def test_it_is_the_path_of_transformers():
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter

    rng = np.random.default_rng(5)
    for tokens, frames in [(1, 5), (7, 40), (30, 100), (12, 12)]:
        weights = torch.from_numpy(rng.random((3, tokens, frames)))
        standard = (weights - weights.mean(-2, keepdim=True)) / weights.std(-2, keepdim=True, unbiased=False)
        theirs = _median_filter(standard[None], SMOOTHED)[0].mean(0)
        if tokens > 1:
            torch.testing.assert_close(score(weights) / 3, theirs)
        matrix = rng.normal(size=(tokens, frames))
        text, time = _dynamic_time_warping(-matrix)
        jumps = np.pad(np.diff(text), (1, 0), constant_values=1).astype(bool)
        assert onsets(matrix).tolist() == time[jumps].tolist()


def test_more_tokens_than_frames_share_frames():
    found = onsets(np.ones((9, 4)))
    assert len(found) == 9
    assert sorted(found.tolist()) == found.tolist()
    assert (found[0], found[-1] <= 3) == (0, True)


def path_of(spans, frames, vocabulary, blank=0, sure=0.9):
    """Log probabilities in which each token has its frames, and blanks the rest."""
    shares = np.full((frames, vocabulary), (1 - sure) / (vocabulary - 1))
    row = np.full(frames, blank)
    for token, start, end in spans:
        row[start:end] = token
    shares[np.arange(frames), row] = sure
    return np.log(shares)


def test_tokens_have_the_frames_of_their_emissions():
    spans = [(3, 2, 5), (1, 7, 8), (1, 10, 14), (2, 14, 15)]
    emissions = path_of(spans, 20, 5)
    ids = collapsed(emissions, 0)
    assert ids == [3, 1, 1, 2]
    found = align(emissions, ids, 0, 0.02)
    assert [(token.id, round(token.start / 0.02), round(token.end / 0.02)) for token in found] == spans
    assert [token.confidence for token in found] == pytest.approx([0.9] * 4)


def test_other_words_than_the_likeliest_find_their_place():
    emissions = path_of([(3, 2, 5), (1, 7, 9)], 12, 5)
    first, second, third = align(emissions, [3, 4, 1], 0, 1.0)
    assert (first.start, third.start) == (2, 7)
    assert 4 <= first.end <= second.start < second.end <= 7
    assert second.confidence < 0.1


def test_no_other_path_is_likelier():
    """Against all paths there are."""
    rng = np.random.default_rng(2)
    for tokens in ([1], [1, 2], [1, 1], [2, 1, 2]):
        emissions = np.log(rng.dirichlet(np.ones(3), size=6))
        found = align(emissions, tokens, 0, 1.0)
        best = max(
            (path for path in itertools.product(range(3), repeat=6) if collapsed(np.eye(3)[list(path)], 0) == tokens),
            key=lambda path: emissions[np.arange(6), list(path)].sum(),
        )
        spans = [(key, len(list(group))) for key, group in itertools.groupby(best)]
        edges = np.cumsum([0, *(length for _, length in spans)])
        wanted = [(t, a, b) for (t, _), a, b in zip(spans, edges, edges[1:], strict=False) if t]
        assert [(token.id, int(token.start), int(token.end)) for token in found] == wanted


def test_it_is_the_alignment_of_torchaudio():
    try:
        from torchaudio.functional import forced_align
    except (ImportError, OSError):
        pytest.skip("torchaudio does not load beside this torch")
    import warnings

    rng = np.random.default_rng(4)
    for tokens in ([1, 2, 3], [4, 4, 1], list(rng.integers(1, 6, size=20))):
        emissions = np.log(rng.dirichlet(np.ones(6), size=80)).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path, _ = forced_align(
                torch.from_numpy(emissions)[None], torch.tensor([tokens], dtype=torch.int32), blank=0
            )
        row = path[0].tolist()
        runs = [(key, len(list(group))) for key, group in itertools.groupby(row)]
        edges = np.cumsum([0, *(length for _, length in runs)])
        wanted = [(t, a, b) for (t, _), a, b in zip(runs, edges, edges[1:], strict=False) if t]
        found = align(emissions, [int(token) for token in tokens], 0, 1.0)
        assert [(token.id, int(token.start), int(token.end)) for token in found] == wanted


@pytest.mark.parametrize("tokens", [[1, 2, 3], [1, 1]])
def test_what_has_no_room_is_said(tokens):
    with pytest.raises(ValueError, match="tokens need"):
        align(np.zeros((2, 4)), tokens, 0, 1.0)


def test_nothing_said_has_no_times():
    assert align(np.zeros((5, 3)), [], 0, 1.0) == []

"""Frame by frame: a mixture of Gaussians for each voice, and the likeliest path through them, a few times in turn.

The path pays for every change of voice, so that none is for a moment only (Viterbi 1967; as in Tranter & Reynolds
(2006), An overview of automatic speaker diarization systems).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel

ROUNDS = 4
PARTS = 6
"""Gaussians of a voice."""
FRAMES_EACH = 30
"""Frames that a Gaussian needs."""
MOST_FRAMES = 6000
"""Of a voice that its mixture learns from: 2 min, evenly taken from all of it."""
CHANGE = 45.0
"""What a change of voice costs, in log likelihood."""
AT_ONCE = 1 << 14

Labels = NDArray[np.intp]


def resegmented(frames: NDArray[np.float16], spoken: NDArray[np.bool_], labels: Labels) -> tuple[Labels, NDArray[Any]]:
    """Whose each frame is, after a first guess.

    Args:
        frames: cepstra.
        spoken: those to learn from.
        labels: the guess: numbers from 0; −1 where nothing is known.

    Returns:
        The numbers of the voices that are left, from 0; and by how much the voice of each frame is likelier than the
        likeliest other one (nats, may be below 0; infinite where there is no other).

    Shape:
        - frames: `[frames, dimensions]`
        - spoken, labels and both outputs: `[frames]`
    """
    for _ in range(ROUNDS):
        labels = _numbered(labels)
        scores = _scores(frames, spoken, labels)
        before, labels = labels, likeliest_path(scores, CHANGE)
        if np.array_equal(before, labels):
            break
    places = np.arange(len(labels)), labels
    own = scores[places]
    scores[places] = -np.inf
    return _numbered(labels), own - scores.max(axis=1)


def _numbered(labels: Labels) -> Labels:
    """The numbers without gaps, −1 as it is."""
    known = np.unique(labels[labels >= 0])
    return np.where(labels < 0, -1, np.searchsorted(known, labels)).astype(np.intp)


def _scores(frames: NDArray[np.float16], spoken: NDArray[np.bool_], labels: Labels) -> NDArray[np.float32]:
    """Log likelihoods, `[frames, voices]`."""
    scores = np.empty((len(frames), labels.max() + 1), np.float32)
    for voice in range(scores.shape[1]):
        own = np.flatnonzero((labels == voice) & spoken)
        if not len(own):
            own = np.flatnonzero(labels == voice)
        mixture = _mixture(frames[own[:: max(1, -(-len(own) // MOST_FRAMES))]].astype(np.float64))
        for start in range(0, len(frames), AT_ONCE):
            scores[start : start + AT_ONCE, voice] = mixture.score_samples(frames[start : start + AT_ONCE])
    return scores


def _mixture(frames: NDArray[np.float64]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    parts = max(1, min(PARTS, len(frames) // FRAMES_EACH))
    mixture = GaussianMixture(parts, covariance_type="diag", reg_covar=1e-2, max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # twenty steps are near enough
        return mixture.fit(frames if len(frames) > 1 else np.repeat(frames, 2, axis=0))


def likeliest_path(scores: NDArray[np.float32], change: float) -> NDArray[np.intp]:
    """The states of the path with the greatest sum of scores, where each change of state costs.

    Shape:
        - scores: `[frames, states]`
        - output: `[frames]`
    """
    path = np.zeros(len(scores), np.int64)
    _follow(np.ascontiguousarray(scores), change, np.zeros(scores.shape, np.uint8), scores[0].astype(np.float64), path)
    return path


@kernel
def _follow(
    scores: NDArray[np.float32],
    change: float,
    stayed: NDArray[np.uint8],
    best: NDArray[np.float64],
    path: NDArray[np.int64],
) -> None:
    """Viterbi's algorithm; on its way forth `path` holds where a change comes from.

    Shape:
        - stayed: `[frames, states]`, to work in
        - best: `[states]`, the scores of the first frame, to work in
        - path: `[frames]`
    """
    frames, states = scores.shape
    for frame in range(1, frames):
        path[frame] = _likeliest(best)
        changed = best[path[frame]] - change
        for state in range(states):
            stayed[frame, state] = best[state] >= changed
            best[state] = max(best[state], changed) + scores[frame, state]
    now = _likeliest(best)
    for frame in range(frames - 1, -1, -1):
        before = now if stayed[frame, now] else path[frame]
        path[frame], now = now, before


@kernel
def _likeliest(scores: NDArray[np.float64]) -> int:
    """The first of the greatest."""
    found = 0
    for state in range(1, scores.size):
        if scores[state] > scores[found]:
            found = state
    return found

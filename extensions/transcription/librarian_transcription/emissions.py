"""When tokens were said, by the emissions of CTC: the likeliest path that spells them (Viterbi).

Graves et al., Connectionist temporal classification (2006): each token stands for one or more frames, blanks may stand
between two, and must where both are the same.
"""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel
from librarian_transcription.recognizer import Token

NEVER = -1e30


def collapsed(emissions: NDArray[np.floating], blank: int) -> list[int]:
    """The tokens of the likeliest path: repeated ones once, blanks not at all.

    Shape:
        - emissions: `[frames, vocabulary]`

    >>> path = np.eye(3)[[0, 1, 1, 0, 1, 2]]
    >>> collapsed(path, blank=0)
    [1, 1, 2]
    """
    return [int(token) for token, _ in groupby(emissions.argmax(axis=1).tolist()) if token != blank]


def align(emissions: NDArray[np.floating], tokens: list[int], blank: int, frame: float) -> list[Token]:
    """When each token was said.

    Args:
        emissions: log probabilities.
        tokens: what was said.
        blank: number of the blank.
        frame: s from one frame to the next.

    Shape:
        - emissions: `[frames, vocabulary]`

    Returns:
        One for each token; confidence is its mean probability over the frames that it stands for.

    Raises:
        ValueError: there are more tokens than frames.
    """
    if not tokens:
        return []
    needs = len(tokens) + sum(one == other for one, other in pairwise(tokens))
    if needs > len(emissions):
        raise ValueError(f"{len(tokens)} tokens need {needs} frames, and there are {len(emissions)}")
    states = np.full(2 * len(tokens) + 1, blank, np.int64)
    states[1::2] = tokens
    path = np.zeros(len(emissions), np.int64)
    best = np.full((len(emissions), len(states)), NEVER)
    came = np.zeros((len(emissions), len(states)), np.int64)
    _walk(np.ascontiguousarray(emissions, np.float64), states, best, came, path)
    found = []
    for number, token in enumerate(tokens):
        frames = np.flatnonzero(path == 2 * number + 1)
        sure = float(np.exp(emissions[frames, token]).mean())
        found.append(Token(token, float(frames[0]) * frame, float(frames[-1] + 1) * frame, min(1.0, sure)))
    return found


@kernel
def _walk(
    emissions: NDArray[np.float64],
    states: NDArray[np.int64],
    best: NDArray[np.float64],
    came: NDArray[np.int64],
    path: NDArray[np.int64],
) -> None:
    """For each frame of the path the state: even ones are blanks, the others tokens."""
    frames, count = best.shape[0], best.shape[1]
    best[0, 0] = emissions[0, states[0]]
    best[0, 1] = emissions[0, states[1]]
    for frame in range(1, frames):
        for state in range(count):
            greatest, step = best[frame - 1, state], 0
            if state > 0 and best[frame - 1, state - 1] > greatest:
                greatest, step = best[frame - 1, state - 1], 1
            skips = state % 2 == 1 and state > 1 and states[state] != states[state - 2]
            if skips and best[frame - 1, state - 2] > greatest:
                greatest, step = best[frame - 1, state - 2], 2
            best[frame, state] = greatest + emissions[frame, states[state]]
            came[frame, state] = step
    state = count - 1 if best[frames - 1, count - 1] >= best[frames - 1, count - 2] else count - 2
    for back in range(frames):
        frame = frames - 1 - back
        path[frame] = state
        state -= came[frame, state]

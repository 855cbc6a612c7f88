"""The likeliest path through states, where each change of state costs (Viterbi 1967), along any length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel

LAG = 3000
"""Frames that a decision waits for: paths have long since met, for none pays for more than some changes."""

Scores = NDArray[np.float32]
States = NDArray[np.int16]


class Path:
    """Finds the path as its scores come.

    Args:
        costs: what it costs to go from a state to another, 0 on the diagonal.
        lag: frames that a decision waits for at the least.

    Shape:
        - costs: `[states, states]`
    """

    def __init__(self, costs: NDArray[np.float64], lag: int = LAG) -> None:
        self._costs, self._lag = np.ascontiguousarray(costs, np.float64), lag
        self._best = np.zeros(len(costs))
        self._came = np.zeros((0, len(costs)), np.int16)
        self._scores = np.zeros((0, len(costs)), np.float32)

    def add(self, scores: Scores) -> tuple[States, Scores]:
        """The states of the frames that are decided on by what is known now, and the scores of these frames.

        Args:
            scores: of the next frames.

        Shape:
            - scores: `[frames, states]`
            - output: `[frames]`, `[frames, states]`
        """
        came = _forward(scores, self._costs, self._best)
        self._came = np.concatenate([self._came, came])
        self._scores = np.concatenate([self._scores, scores])
        return self._decided(max(0, len(self._came) - self._lag))

    def end(self) -> tuple[States, Scores]:
        """Those of the frames that are left."""
        return self._decided(len(self._came))

    def _decided(self, count: int) -> tuple[States, Scores]:
        if not count:
            return np.zeros(0, np.int16), self._scores[:0]
        states = _backward(self._came, int(self._best.argmax()))[:count]
        scores, self._came, self._scores = self._scores[:count], self._came[count:], self._scores[count:]
        return states, scores


def _forward(scores: Scores, costs: NDArray[np.float64], best: NDArray[np.float64]) -> States:
    """Where the best path into each state came from; `best` becomes the sums behind the last frame."""
    came = np.empty(scores.shape, np.int16)
    _advance(np.ascontiguousarray(scores, np.float32), costs, best, np.empty(len(best)), came)
    return came


def _backward(came: States, last: int) -> States:
    path = np.empty(len(came), np.int16)
    _retrace(came, last, path)
    return path


@kernel
def _advance(
    scores: Scores, costs: NDArray[np.float64], best: NDArray[np.float64], sums: NDArray[np.float64], came: States
) -> None:
    """Viterbi's recursion.

    Shape:
        - scores, came: `[frames, states]`
        - best: `[states]`; sums: `[states]`, to work in
    """
    frames, states = scores.shape
    for frame in range(frames):
        greatest = -np.inf
        for state in range(states):
            chosen = state
            for before in range(states):
                if best[before] - costs[before, state] > best[chosen] - costs[chosen, state]:
                    chosen = before
            came[frame, state] = chosen
            sums[state] = best[chosen] - costs[chosen, state] + scores[frame, state]
            greatest = max(greatest, sums[state])
        for state in range(states):
            best[state] = sums[state] - greatest


@kernel
def _retrace(came: States, last: int, path: States) -> None:
    for frame in range(path.size - 1, -1, -1):
        path[frame] = last
        last = came[frame, last]

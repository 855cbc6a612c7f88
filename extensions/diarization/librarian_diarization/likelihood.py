"""Clustering of cepstra: each cluster a Gaussian with full covariance, merged as long as little likelihood is lost.

Gish, Siu & Rohlicek (1991), Segregation of speakers for speech recognition and speaker identification: the
generalized likelihood ratio of two clusters, log λ = n/2 log|C| − n₁/2 log|C₁| − n₂/2 log|C₂|. It grows with the number
of frames also within one voice, so that a fixed threshold would find more voices the longer a recording is: the
harmonic number of frames n₁n₂/n counts up to `ENOUGH`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENOUGH = 600.0
"""Frames of 20 ms."""
OTHERS = 700.0
"""Cost from which on two clusters are two voices. Between what parted voices and what parted parts of one, in
mixtures of other voices than those that the project measures itself with."""
RIDGE = 0.1
"""Added to the variances, so that short clusters have an inverse."""
FEWEST = 40
"""Frames that say something of a covariance of 19 dimensions."""

Array = NDArray[np.float64]


@dataclass
class Clusters:
    """What is left of the clusters on the way: numbers of frames, sums, sums of squares, and n/2 log|C|."""

    counts: Array
    sums: Array
    squares: Array
    logs: Array

    @classmethod
    def of(cls, groups: list[NDArray[np.float32]]) -> Clusters:
        """A cluster for each group of frames."""
        counts = np.array([len(each) for each in groups], np.float64)
        sums = np.stack([each.sum(axis=0, dtype=np.float64) for each in groups])
        squares = np.stack([(each.T.astype(np.float64)) @ each for each in groups])
        return cls(counts, sums, squares, _logs(counts, sums, squares))

    def costs(self, one: int, others: NDArray[np.intp]) -> Array:
        """What merging one with each of the others costs."""
        counts = self.counts[one] + self.counts[others]
        merged = _logs(counts, self.sums[one] + self.sums[others], self.squares[one] + self.squares[others])
        harmonic = self.counts[one] * self.counts[others] / counts
        return np.asarray((merged - self.logs[one] - self.logs[others]) * np.minimum(1.0, ENOUGH / harmonic))

    def merge(self, one: int, other: int) -> None:
        """Put another into one."""
        for values in (self.counts, self.sums, self.squares):
            values[one] += values[other]
        here = slice(one, one + 1)
        self.logs[one] = _logs(self.counts[here], self.sums[here], self.squares[here])[0]


def _logs(counts: Array, sums: Array, squares: Array) -> Array:
    means = sums / counts[:, np.newaxis]
    covariances = squares / counts[:, np.newaxis, np.newaxis] - means[:, :, np.newaxis] * means[:, np.newaxis, :]
    ridge = RIDGE * np.eye(sums.shape[1])
    return np.asarray(0.5 * counts * np.linalg.slogdet(covariances + ridge)[1])


def by_likelihood(groups: list[NDArray[np.float32]], least: int, most: int) -> NDArray[np.intp]:
    """Whose each group of frames is: numbers from 0.

    Args:
        groups: frames `[frames, dimensions]` that belong together.
        least: number of clusters at the least, where there are as many groups.
        most: and at the most.

    Shape:
        - output: `[groups]`
    """
    clusters, labels = Clusters.of(groups), np.arange(len(groups))
    costs = np.full((len(groups), len(groups)), np.inf)
    for one in range(len(groups) - 1):
        costs[one, one + 1 :] = clusters.costs(one, np.arange(one + 1, len(groups)))
    for left in range(len(groups), 1, -1):
        one, other = divmod(int(costs.argmin()), len(groups))
        if left <= least or (left <= most and costs[one, other] > OTHERS):
            break
        clusters.merge(one, other)
        labels[labels == other] = one
        costs[other, :] = costs[:, other] = np.inf
        rest = np.setdiff1d(labels, one)
        if len(rest):
            costs[np.minimum(one, rest), np.maximum(one, rest)] = clusters.costs(one, rest)
    return np.unique(labels, return_inverse=True)[1]

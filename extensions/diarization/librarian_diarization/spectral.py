"""Clustering of d-vectors, which also tells how many voices there are.

Park et al. (2020), Auto-tuning spectral clustering for speaker diarization using normalized maximum eigengap: of the
affinities of each vector the p greatest count; p is that with the least p / g(p), where g is the greatest gap between
the first eigenvalues of the Laplacian, relative to the last of them; where the gap is lies the number of clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME = 0.85
"""Cosine of the means of two clusters from which on they are one voice."""
FEWEST_KEPT, SHARE_KEPT, MOST_KEPT = 5, 0.1, 0.25
"""How many affinities of a vector count: at the least, as shares of their number."""
TRIED = 25
MOST_VOICES = 20

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """The eigenvectors of a Laplacian, and what its eigenvalues say."""

    vectors: Array
    gaps: Array
    ratio: float


def by_vectors(vectors: NDArray[np.float32], least: int, most: int, seed: int) -> NDArray[np.intp]:
    """Whose each vector is: numbers from 0.

    Args:
        vectors: of length 1.
        least: number of clusters at the least, where there are as many vectors.
        most: and at the most.
        seed: of what is drawn.

    Shape:
        - vectors: `[vectors, dimensions]`
        - output: `[vectors]`
    """
    count = len(vectors)
    least, most = min(least, count), min(most, count)
    if count <= max(2, least) or most == 1:
        return np.arange(count) if count <= least else np.zeros(count, np.intp)
    graph = _best_graph((vectors @ vectors.T).astype(np.float64))
    number = int(np.clip(graph.gaps[:most].argmax() + 1, least, most))
    return _merged(vectors, _parted(graph.vectors[:, :number], seed), least)


def _best_graph(affinities: Array) -> Graph:
    count = len(affinities)
    least = min(count - 1, max(FEWEST_KEPT, int(SHARE_KEPT * count)))
    tried = np.linspace(least, max(least, int(MOST_KEPT * count)), TRIED).astype(int)
    order = np.argsort(-affinities, axis=1, kind="stable")
    return min((_graph(order, int(kept)) for kept in np.unique(tried)), key=lambda graph: graph.ratio)


def _graph(order: NDArray[np.intp], kept: int) -> Graph:
    count = len(order)
    near = np.zeros((count, count))
    near[np.arange(count)[:, np.newaxis], order[:, :kept]] = 1.0
    near = (near + near.T) / 2
    values, vectors = np.linalg.eigh(np.diag(near.sum(axis=1)) - near)
    gaps = np.diff(values[: MOST_VOICES + 1])
    greatest = gaps.max() / max(values[-1], 1e-10)
    return Graph(vectors, gaps, kept / count / max(greatest, 1e-10))


def _parted(places: Array, seed: int) -> NDArray[np.intp]:
    from scipy.cluster.vq import kmeans2

    if places.shape[1] == 1:
        return np.zeros(len(places), np.intp)
    draws = [kmeans2(places, places.shape[1], minit="++", rng=seed + draw, missing="warn") for draw in range(10)]
    spreads = [((places - means[labels]) ** 2).sum() for means, labels in draws]
    return np.unique(draws[int(np.argmin(spreads))][1], return_inverse=True)[1]


def _merged(vectors: NDArray[np.float32], labels: NDArray[np.intp], least: int) -> NDArray[np.intp]:
    """Clusters that sound the same put together, the most alike first."""
    while labels.max() + 1 > least:
        means = means_of(vectors, labels)
        alike = np.triu(means @ means.T, 1)
        one, other = divmod(int(alike.argmax()), len(means))
        if alike[one, other] < SAME:
            break
        labels = np.unique(np.where(labels == other, one, labels), return_inverse=True)[1]
    return labels


def means_of(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """The mean of each cluster, at length 1.

    Shape:
        - output: `[clusters, dimensions]`
    """
    sums = np.stack([vectors[labels == label].sum(axis=0) for label in range(labels.max() + 1)])
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))

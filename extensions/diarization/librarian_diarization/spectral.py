"""Clustering of d-vectors.

Park et al. (2020), Auto-tuning spectral clustering for speaker diarization using normalized maximum eigengap: of the
affinities of each vector the p greatest count; p is that with the least p / g(p), where g is the greatest gap between
the first eigenvalues of the Laplacian, relative to the last of them; where the gap is lies the number of clusters.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_KEPT, SHARE_KEPT, MOST_KEPT = 5, 0.1, 0.25
"""How many affinities of a vector count: at the least, as shares of their number."""
TRIED = 25
"""Values of p."""
DRAWS = 10
"""Beginnings of k-means, of which the best counts."""
MOST_VOICES = 20

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """The Laplacian of a graph.

    Attributes:
        vectors: its eigenvectors, by their eigenvalues.
        gaps: between the first eigenvalues.
        ratio: p / g(p).
    """

    vectors: Array
    gaps: Array
    ratio: float

    @property
    def number(self) -> int:
        """Voices, by the greatest gap."""
        return int(self.gaps.argmax()) + 1


def graph_of(vectors: NDArray[np.float32]) -> Graph:
    """The graph in which the voices are apart most clearly.

    Args:
        vectors: of length 1.

    Shape:
        - vectors: `[vectors, dimensions]`, two or more
    """
    affinities = (vectors @ vectors.T).astype(np.float64)
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


def parted(graph: Graph, number: int, seed: int) -> NDArray[np.intp]:
    """Whose each vector is, where there are so many voices: numbers from 0; there may come out fewer.

    Args:
        graph: of the vectors.
        number: 1 or more.
        seed: of what is drawn.

    Shape:
        - output: `[vectors]`
    """
    from scipy.cluster.vq import kmeans2

    places = graph.vectors[:, :number]
    if places.shape[1] == 1:
        return np.zeros(len(places), np.intp)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that nothing is left of is none
        draws = [kmeans2(places, places.shape[1], minit="++", rng=seed + draw) for draw in range(DRAWS)]
    spreads = [((places - means[labels]) ** 2).sum() for means, labels in draws]
    return np.unique(draws[int(np.argmin(spreads))][1], return_inverse=True)[1]


def means_of(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """The mean of each cluster, at length 1.

    Shape:
        - output: `[clusters, dimensions]`
    """
    sums = np.stack([vectors[labels == label].sum(axis=0) for label in range(labels.max() + 1)])
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))

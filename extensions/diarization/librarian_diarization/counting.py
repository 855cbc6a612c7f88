"""How many voices there are, by two kinds of evidence: the likelihood of the cepstra, and the cosine of the d-vectors.

Neither is enough. What one voice says in two moods may have d-vectors as far apart as two voices of one family, and
likelihood grows with whatever differs. More clusters than the graph of d-vectors shows are merged, the most alike
first, while the sum of both stays below a threshold. It was chosen on mixtures of other voices than those that the
project measures itself with, some of them made alike in spectrum, or one voice at two speeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.likelihood import Clusters
from librarian_diarization.spectral import Graph, means_of, parted

SURPLUS = 3
"""Clusters beyond the number that the graph shows."""
LIKELIHOOD, COSINE = 600.0, 0.3
"""What counts as one, of the cost in likelihood and of 1 − cosine."""
APART = 1.5
"""Sum from which on two clusters are two voices."""


def voices_in(
    graph: Graph,
    vectors: NDArray[np.float32],
    groups: list[NDArray[np.float32]],
    bounds: tuple[int, int],
    seed: int,
) -> int:
    """The number of voices.

    Args:
        graph: of the vectors.
        vectors: of length 1, of pieces of speech.
        groups: cepstra of these pieces.
        bounds: of the number.
        seed: of what is drawn.

    Shape:
        - vectors: `[pieces, dimensions]`
        - groups: `[frames, coefficients]` each
    """
    least, most = bounds
    labels = parted(graph, min(graph.number + SURPLUS, len(vectors)), seed)
    while (number := int(labels.max()) + 1) > least:
        costs = _costs(vectors, groups, labels)
        one, other = divmod(int(costs.argmin()), number)
        if costs[one, other] > APART and number <= most:
            break
        labels = np.unique(np.where(labels == other, one, labels), return_inverse=True)[1]
    return max(number, least)


def _costs(
    vectors: NDArray[np.float32], groups: list[NDArray[np.float32]], labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What merging each two of the clusters costs, `[clusters, clusters]`, above the diagonal."""
    number = int(labels.max()) + 1
    clusters = Clusters.of(
        [np.concatenate([groups[each] for each in np.flatnonzero(labels == k)]) for k in range(number)]
    )
    means = means_of(vectors, labels)
    costs = np.full((number, number), np.inf)
    for one in range(number - 1):
        others = np.arange(one + 1, number)
        costs[one, others] = clusters.costs(one, others) / LIKELIHOOD + (1.0 - means[others] @ means[one]) / COSINE
    return costs

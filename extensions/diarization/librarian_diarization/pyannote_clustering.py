"""Which voices of the chunks are one speaker: the library's clustering, and what bounds it for many hours.

Its linkage takes time that grows like n^2.2 and memory like n², n being the voices that speak long enough alone, about
one in a second of sound. Up to a bound it is used as it is. Beyond, speakers are found among as many voices as the
bound, evenly spaced in time, and all voices are given to the nearest of them, as the library does with those that speak
too little. Chunks overlap by nine tenths, so that of twice the bound nothing is lost but what is there twice; of many
hours a speaker who says few words may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.pyannote_config import AgglomerativeNumbers, VBxNumbers
from librarian_diarization.pyannote_stack import (
    PLDA,
    AgglomerativeClustering,
    SlidingWindowFeature,
    VBxClustering,
    contained,
    set_num_speakers,
)

BOUND = 4096
"""Voices that are linked: two seconds and 70 MB, and about an hour of sound."""


@dataclass(frozen=True)
class Speakers:
    """What came of clustering.

    Attributes:
        of: number of the speaker of each voice, from 0.
        centroids: embedding of each speaker.
        share: part of the voices that speak long enough among which the speakers were found; 1 for all.

    Shape:
        - of: `[chunks, voices]`
        - centroids: `[speakers, dimension]`
    """

    of: NDArray[np.integer]
    centroids: NDArray[np.floating]
    share: float


@dataclass(frozen=True)
class Count:
    """How many speakers there are, as far as that is known.

    Args:
        given: their number.
        least: the fewest, where the number is not given.
        most: the most, likewise.
    """

    given: int | None = None
    least: int | None = None
    most: int | None = None

    def bounds(self) -> tuple[int | None, int, float]:
        """Their number where it is known, the fewest, the most: a number that is given is both.

        Raises:
            ValueError: the fewest are more than the most.
        """
        given, least, most = set_num_speakers(self.given, self.least, self.most)
        return given, least, most


class _Bounded:
    """Lets the library's clustering see at most `bound` of the voices that it finds its speakers among."""

    bound: int | None = None

    def filter_embeddings(self, embeddings: Any, segmentations: Any = None, min_active_ratio: float = 0.2) -> Any:
        found: Any = super().filter_embeddings(  # type: ignore[misc]
            embeddings, segmentations=segmentations, min_active_ratio=min_active_ratio
        )
        if self.bound is None or len(found[0]) <= self.bound:
            return found
        kept = np.linspace(0, len(found[0]) - 1, self.bound).round().astype(int)
        return tuple(part[kept] for part in found)


class _VBx(_Bounded, VBxClustering):  # type: ignore[misc]
    pass


class _Agglomerative(_Bounded, AgglomerativeClustering):  # type: ignore[misc]
    pass


def cluster(
    numbers: VBxNumbers | AgglomerativeNumbers,
    plda: PLDA | None,
    embeddings: NDArray[np.float32],
    active: SlidingWindowFeature,
    count: Count,
    bound: int = BOUND,
) -> Speakers:
    """Find the speakers of a sound.

    Args:
        numbers: of the clustering.
        plda: where VBx needs one.
        embeddings: of the voices.
        active: where they speak.
        count: how many speakers there are.
        bound: voices to link, at most.

    Shape:
        - embeddings: `[chunks, voices, dimension]`
        - active: `[chunks, frames, voices]`
    """
    vbx = isinstance(numbers, VBxNumbers)
    clustering: Any = _VBx(plda, metric="cosine") if vbx else _Agglomerative(metric="cosine")
    number = max(1, len(clustering.filter_embeddings(embeddings, active)[0]))
    share = min(1.0, bound / number)
    clustering.instantiate(_scaled(numbers, share))
    clustering.bound = bound
    given, least, most = count.bounds()
    with contained():
        of, _, centroids = clustering(
            embeddings=embeddings,
            segmentations=active,
            num_clusters=given and min(given, number),
            min_clusters=min(least, number),
            max_clusters=most,
        )
    return Speakers(of, centroids, share)


def _scaled(numbers: VBxNumbers | AgglomerativeNumbers, share: float) -> dict[str, Any]:
    """The numbers for a share of the voices, each of which stands for several that sound like it."""
    if isinstance(numbers, VBxNumbers):  # F_A is what one counts; more than one that is independent it never does
        return numbers.model_dump() | {"Fa": min(max(1.0, numbers.Fa), numbers.Fa / share)}
    return numbers.model_dump() | {"min_cluster_size": max(1, round(numbers.min_cluster_size * share))}

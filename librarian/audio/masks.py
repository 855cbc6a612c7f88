"""Soft masks: which share of each bin of a spectrogram belongs to whom."""

from __future__ import annotations

from typing import cast

import numpy as np

from librarian.audio.arrays import Array, library


def soft_mask(part: Array, rest: Array, power: float = 2.0) -> Array:
    """The share of a part that has a rest beside it, partᵖ / (partᵖ + restᵖ), between 0 and 1.

    With p = 2 and magnitudes this is the Wiener filter; the higher p, the nearer to a choice between the two. The
    share of the rest is 1 minus it, so that what is cut out with both adds up to what there was.

    D. FitzGerald, Harmonic/percussive separation using median filtering (2010).

    Args:
        part: magnitudes, 0 or more, finite.
        rest: the same, of all else.
        power: above 0.

    Shape:
        - part, rest: any, the same, float32
        - output: that of part; 0.5 where both are 0

    >>> soft_mask(np.array([3, 1, 0, 0], np.float32), np.array([1, 0, 2, 0], np.float32)).tolist()
    [0.8999999761581421, 1.0, 0.0, 0.5]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        shares: Array = 1.0 / (1.0 + (rest / part) ** power)
    return cast(Array, library(shares).nan_to_num(shares, nan=0.5))

"""How near a separated stem is to the true one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def sdr(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> float:
    """Signal-to-distortion ratio of a stem, dB: 10 lg (Σ s² / Σ (ŝ − s)²), over all channels and the whole length.

    What is wrong in level, in filtering or in time counts as distortion, as in the Music Demixing Challenge (2021);
    the scores of BSS Eval (museval) forgive a filter, and are higher. An estimate of all zeros has 0 dB.

    Args:
        reference: the true stem.
        estimate: what came out.

    Shape:
        - reference, estimate: any, the same

    Returns:
        −inf to inf, which is what an estimate without any error has; nan where both are silent.

    >>> sdr(np.array([1.0, -1.0]), np.array([0.9, -0.9])).__round__(6)
    20.0
    """
    if reference.shape != estimate.shape:
        raise ValueError(f"a stem {list(reference.shape)} cannot be compared with one {list(estimate.shape)}")
    true = reference.astype(np.float64)
    power, error = float(np.square(true).sum()), float(np.square(estimate - true).sum())
    if not error:
        return math.inf if power else math.nan
    return 10.0 * math.log10(power / error) if power else -math.inf

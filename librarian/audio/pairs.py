"""Two channels: how they hang together, and whether they are one."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from librarian.audio.windows import Windows, pair_sums

MonoAsStereo = Literal["no", "identical", "rounding", "gain", "one_empty"]

STEP = (1.0 / 32768.0) ** 2
"""Power of one 16-bit step: what is fainter is rounding or dither."""
RESIDUE = 1e-6
"""−60 dB: what a codec leaves of the difference of equal channels."""
JUDGED = 100.0
"""A channel is compared from so many times `STEP` on (−70 dBFS)."""
SAME_GAIN = 0.01
"""dB."""


class Pair:
    """Compares two channels.

    They are `identical` bit for bit; the same but for `rounding` (or dither); the same up to a `gain`, also a negative
    one; or `one_empty`: it holds less than one 16-bit step. The same means: what is left of one after the best multiple
    of the other was taken away is 60 dB below it, or no more than one 16-bit step RMS.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._sums, self._squares = np.zeros(2), np.zeros(2)
        self._products = 0.0
        self._differs = False

    def add(self, samples: NDArray[np.float32], windows: Windows) -> None:
        """Take in some windows of two channels."""
        products, differs = pair_sums(samples[0], samples[1])
        self._frames += samples.shape[1]
        self._sums += windows.sums.sum(axis=1)
        self._squares += windows.squares.sum(axis=1)
        self._products += products
        self._differs = self._differs or differs

    def _moments(self) -> tuple[float, float, float]:
        """Variances, and the covariance."""
        means = self._sums / self._frames
        first, second = np.maximum(self._squares / self._frames - means * means, 0.0)
        return float(first), float(second), float(self._products / self._frames - means[0] * means[1])

    @property
    def correlation(self) -> float | None:
        """Pearson's, −1…1; None where a channel stands still."""
        first, second, both = self._moments()
        if not first or not second:
            return None
        return max(-1.0, min(1.0, both / math.sqrt(first * second)))

    def alike(self) -> tuple[MonoAsStereo, float | None]:
        """Whether the channels are one, and the level of the second above the first (dB), where it has one."""
        first, second, both = self._moments()
        if not self._differs:
            return "identical", 0.0
        if min(first, second) < STEP:
            return ("one_empty" if max(first, second) >= JUDGED * STEP else "no"), None
        left = second - both * both / first
        if min(first, second) < JUDGED * STEP or left > max(RESIDUE * second, STEP):
            return "no", None
        gain = 10.0 * math.log10(second / first)
        return ("rounding" if abs(gain) < SAME_GAIN and both > 0.0 else "gain"), gain

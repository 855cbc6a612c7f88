"""Clicks: a few milliseconds that stand out from what is before and after them."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

CELL = 0.001
"""Seconds."""
AROUND, NEAR = 50, 4
"""Cells on each side that a click is held against, and those next to it that may be its own."""
OVER = 200.0
"""Power of a click over the mean of what is before, and of what is after it (23 dB)."""
LEAST = 1e-4
"""Mean square of the second difference of a click's loudest millisecond (−40 dBFS)."""


class Clicks:
    """Finds clicks. They are looked for in the second difference, where what is slow is small.

    Args:
        rate: Hz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._cell = max(2, round(CELL * rate))
        self._left: NDArray[np.float32] | None = None  # two frames, and what is no whole cell yet
        self._powers = np.zeros(AROUND + NEAR)
        self._first = -(AROUND + NEAR)  # number of the cell that is held first
        self._last = -inf

    def add(self, samples: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
        """Take a block, `[frames]`, and give clicks: start and end (s)."""
        before = np.repeat(samples[:1], 2) if self._left is None else self._left
        samples = np.concatenate([before, samples])
        count = (len(samples) - 2) // self._cell
        used = samples[: count * self._cell + 2]
        self._left = samples[count * self._cell :]
        bent = (used[2:] - 2.0 * used[1:-1] + used[:-2]).reshape(count, self._cell)
        powers = np.einsum("ij,ij->i", bent, bent, dtype=np.float64) / self._cell
        self._powers = np.concatenate([self._powers, powers])
        yield from self._look()

    def end(self) -> Iterator[tuple[float, float]]:
        """Give what is left; nothing follows."""
        self._powers = np.concatenate([self._powers, np.zeros(AROUND + NEAR)])
        yield from self._look()

    def _look(self) -> Iterator[tuple[float, float]]:
        reach = AROUND + NEAR
        count = len(self._powers) - 2 * reach
        if count <= 0:
            return
        at = self._powers[reach : reach + count]
        sums = np.concatenate([[0.0], np.cumsum(self._powers)])
        before = sums[reach - NEAR : reach - NEAR + count] - sums[:count]
        after = sums[reach + 1 + NEAR + AROUND :][:count] - sums[reach + 1 + NEAR :][:count]
        quiet = OVER / AROUND * np.maximum(np.maximum(before, after), 0.0)
        for place in np.flatnonzero((at > LEAST) & (at > quiet)).tolist():
            yield from self._told(self._first + reach + place)
        self._powers, self._first = self._powers[count:], self._first + count

    def _told(self, cell: int) -> Iterator[tuple[float, float]]:
        """A click, once: cells next to it are the same one."""
        start = cell * self._cell / self._rate
        if cell - self._last > NEAR:
            yield start, start + self._cell / self._rate
        self._last = cell

"""Silence, and seconds in which somebody talks or something moves: from the power of each 10 ms."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CELL = 0.01
"""Seconds."""
MOVES = 4.0
"""Power of the louder tenth of a second's cells over that of the quieter (6 dB): noise and tones stay below."""


class Quiet:
    """Finds silence.

    Args:
        rate: Hz.
        level: what is quieter (RMS of a cell, dBFS) is silence.
        shortest: of it (s).
    """

    def __init__(self, rate: int, level: float, shortest: float) -> None:
        self._rate, self._shortest = rate, shortest
        self._cell = max(1, round(CELL * rate))
        self._power = 10.0 ** (level / 10.0)
        self._left = np.zeros(0, np.float32)
        self._cells = 0
        self._since: int | None = None
        self._second: list[float] = []
        self.moving = array("b")
        """For each second whether something moves in it."""

    def add(self, samples: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
        """Take a block, `[frames]`, and give the silence that has ended: start and end (s)."""
        samples = np.concatenate([self._left, samples])
        count = len(samples) // self._cell
        cells = samples[: count * self._cell].reshape(count, self._cell)
        self._left = samples[count * self._cell :]
        powers = np.einsum("ij,ij->i", cells, cells, dtype=np.float64) / self._cell
        yield from self._look(powers)
        self._watch(powers)

    def end(self) -> Iterator[tuple[float, float]]:
        """Give what is left; what is no whole cell belongs to the last one."""
        yield from self._ended(self._cells, len(self._left))
        if len(self._second) > 1:
            self._tell(np.array(self._second))

    def _look(self, powers: NDArray[np.float64]) -> Iterator[tuple[float, float]]:
        quiet = powers < self._power
        for edge in np.flatnonzero(np.diff(quiet, prepend=self._since is not None)).tolist():
            if quiet[edge]:
                self._since = self._cells + edge
            else:
                yield from self._ended(self._cells + edge, 0)
        self._cells += len(powers)

    def _ended(self, cell: int, more: int) -> Iterator[tuple[float, float]]:
        if self._since is not None:
            start, end = self._since * self._cell / self._rate, (cell * self._cell + more) / self._rate
            self._since = None
            if end - start >= self._shortest:
                yield start, end

    def _watch(self, powers: NDArray[np.float64]) -> None:
        held = np.concatenate([self._second, powers])
        size = round(self._rate / self._cell)
        whole = len(held) // size
        for second in held[: whole * size].reshape(whole, size):
            self._tell(second)
        self._second = held[whole * size :].tolist()

    def _tell(self, powers: NDArray[np.float64]) -> None:
        low, high = np.quantile(powers, [0.1, 0.9])
        self.moving.append(bool(high > MOVES * low and high > self._power))

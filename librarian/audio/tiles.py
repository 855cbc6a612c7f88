"""A stream of blocks of any size, cut on a grid of its own, so that what is computed does not depend on the blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

from librarian.media.interleaving import scaled
from librarian.media.sound import STEP

LANES = 16
"""Stretches of a tile that a kernel follows side by side."""

MOST_HOPS, MOST_BYTES = 12, 16 << 20
"""Of a lane, and of a tile: a longer lane wastes less on its start, a smaller tile needs less memory."""


def hop_frames(rate: int) -> int:
    """100 ms in frames, at `rate` Hz."""
    return (rate + 5) // 10


class Tiles:
    """Cuts a stream into tiles, each with the 100 ms before it.

    Tiles are counted from the first frame: they are the same whatever the sizes of the blocks.

    Args:
        rate: Hz.
        channels: of the stream.

    Attributes:
        frames: of a whole tile without what comes before, 16 lanes of whole hops.

    >>> tiles = Tiles(8000, 1)
    >>> [tile.shape for tile in tiles.add(np.zeros((1, 200_000)))], tiles.rest().shape
    ([(1, 154400)], (1, 47200))
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.lead = hop_frames(rate)
        bytes_per_hop = LANES * self.lead * max(1, channels) * 4
        self.frames = LANES * self.lead * min(MOST_HOPS, max(1, MOST_BYTES // bytes_per_hop))
        self._tile = np.zeros((channels, self.lead + self.frames), np.float32)
        self._filled = 0

    def add(self, samples: NDArray[np.floating] | NDArray[np.int16]) -> Iterator[NDArray[np.float32]]:
        """Take a block, of floats or of int16; what is yielded is overwritten once the next is asked for.

        Shape:
            - samples: `[channels, frames]`
            - output: `[channels, lead + frames]` each: the 100 ms before (zeros before the first), and the tile

        Raises:
            ValueError: samples are not `[channels, frames]` with the channels of the stream.
        """
        if samples.ndim != 2 or len(samples) != len(self._tile):  # noqa: PLR2004
            raise ValueError(f"expected [{len(self._tile)}, frames], got {list(samples.shape)}")
        return self._cut(samples)

    def _cut(self, samples: NDArray[np.floating] | NDArray[np.int16]) -> Iterator[NDArray[np.float32]]:
        at = 0
        while at < samples.shape[1]:
            part = samples[:, at : at + self.frames - self._filled]
            start = self.lead + self._filled
            place = self._tile[:, start : start + part.shape[1]]
            if part.dtype == np.int16:
                scaled(cast("NDArray[np.int16]", part), STEP, place)
            else:
                place[:] = part
            at += part.shape[1]
            self._filled += part.shape[1]
            if self._filled == self.frames:
                yield self._tile
                self._tile[:, : self.lead] = self._tile[:, -self.lead :]
                self._filled = 0

    def rest(self) -> NDArray[np.float32]:
        """What came after the last whole tile, with the 100 ms before it.

        Shape:
            - output: `[channels, lead + frames left]`
        """
        return self._tile[:, : self.lead + self._filled]

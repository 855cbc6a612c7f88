"""What was made of segments, back into one sound, over all networks, shifts and groups of channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.audio.overlap import Joiner, Segment
from librarian_separation.arrangement import Group
from librarian_separation.chunked import ChunkModel
from librarian_separation.cutting import Part

Samples = NDArray[np.float32]


class Sum:
    """A weighted sum of estimates that come in at different times.

    Args:
        stems: their number.
        channels: their number.
        lanes: how many streams of estimates there are.
    """

    def __init__(self, stems: int, channels: int, lanes: int) -> None:
        self._sum = np.zeros((stems, channels, 0), np.float32)
        self._reached = [0] * lanes
        self._given = 0

    def add(self, lane: int, channels: tuple[int, ...], estimates: Samples) -> None:
        """Take the next estimates of a lane, already weighted, for those channels: `[stems, channels, frames]`."""
        start = self._reached[lane] - self._given
        stop = start + estimates.shape[-1]
        if (missing := stop - self._sum.shape[-1]) > 0:
            self._sum = np.pad(self._sum, ((0, 0), (0, 0), (0, missing)))
        self._sum[:, list(channels), start:stop] += estimates
        self._reached[lane] = self._given + stop

    def ready(self) -> Samples:
        """What no lane will add to any more, `[stems, channels, frames]`."""
        frames = min(self._reached) - self._given
        ready, self._sum = self._sum[..., :frames].copy(), self._sum[..., frames:]
        self._given += frames
        return ready


class Lane:
    """The estimates of one network for one group of channels at one shift, on their way into the sum.

    Args:
        number: in the sum.
        model: the network.
        group: the channels.
        weights: how much it counts for each stem.
        delay: frames of silence before the sound.
    """

    def __init__(self, number: int, model: ChunkModel, group: Group, weights: NDArray[np.float64], delay: int) -> None:
        self.model, self.group, self.delay = model, group, delay
        self._number, self._left = number, delay
        self._weights = weights.astype(np.float32)[:, np.newaxis, np.newaxis]
        self._joiner: Joiner[NDArray[Any]] = Joiner(model.window, model.hop)
        self._has_begun = False

    def add(self, part: Part, estimates: Samples, into: Sum) -> None:
        """Take what the model made of its next part: `[stems, channels, frames]`."""
        size, end = self.model.segment, part.lead + part.length
        self._has_begun = True
        own = estimates[..., part.lead : end]
        if part.length < size:
            own = np.pad(own, ((0, 0), (0, 0), (0, size - part.length)))
        self._put(self._joiner.add(Segment(None, part.offset, part.length, 0, own), own), into)

    def end(self, into: Sum) -> None:
        """Nothing more comes."""
        if self._has_begun:  # a frame or two of a high rate may be none at the model's
            self._put(self._joiner.end(), into)

    def _put(self, joined: Samples, into: Sum) -> None:
        dropped = min(self._left, joined.shape[-1])
        self._left -= dropped
        into.add(self._number, self.group.channels, self.group.taken(joined[..., dropped:]) * self._weights)

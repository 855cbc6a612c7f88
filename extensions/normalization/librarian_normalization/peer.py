"""pyloudnorm as the meter. It takes a sound as a whole, so the sound is held in memory."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from librarian import UnusableInputError
from librarian.audio.loudness import block_frames, to_power
from librarian.audio.meter import Levels, Meter
from librarian.media import Sampled, floats

LAYOUTS = ("", "mono", "stereo", "downmix", "3.0", "5.0", "5.0(side)")
"""Those whose channels come in the order that it takes for granted: left, right, centre, surround."""


class PyloudnormMeter:
    """Loudness by pyloudnorm, with its own K-weighting; peaks by librarian.

    Args:
        meter: measures the peaks.
        rate: Hz.
        channels: of the sound.
        layout: their order.

    Raises:
        UnusableInputError: `unsupported` where pyloudnorm would weight the channels wrongly.
    """

    def __init__(self, meter: Meter, rate: int, channels: int, layout: str) -> None:
        if layout not in LAYOUTS:
            raise UnusableInputError("unsupported", f"pyloudnorm does not measure the layout {layout!r}")
        self._meter, self._rate = meter, rate
        self._blocks = [np.zeros((channels, 0), np.float32)]

    def add(self, samples: Sampled) -> None:
        """Take a block, `[channels, frames]`."""
        self._meter.add(samples)
        self._blocks.append(floats(samples))

    def levels(self) -> Levels:
        """The levels of what came."""
        import pyloudnorm

        samples = np.concatenate(self._blocks, axis=1).T.astype(np.float64)
        measured = self._meter.levels()
        if len(samples) < block_frames(self._rate):
            return dataclasses.replace(measured, integrated=math.nan, powers=np.empty(0))
        meter = pyloudnorm.Meter(self._rate)
        integrated = float(meter.integrated_loudness(samples))
        powers = np.array([to_power(float(each)) for each in meter.blockwise_loudness])
        return dataclasses.replace(measured, integrated=integrated, powers=powers)

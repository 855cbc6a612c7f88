"""From many channels to two or one, after ITU-R BS.775-4, and from one to two."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.audio.layout import LAYOUTS

HALF_POWER = math.sqrt(0.5)

FRONT = {"FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (HALF_POWER, HALF_POWER), "FLC": (1.0, 0.0), "FRC": (0.0, 1.0)}
BACK = {"L": (HALF_POWER, 0.0), "R": (0.0, HALF_POWER), "C": (0.5, 0.5)}
READY = {"DL": (1.0, 0.0), "DR": (0.0, 1.0)}
SILENT = {"LFE": (0.0, 0.0)}
STEREO = {**FRONT, **{f"{row}{side}": part for row in "BS" for side, part in BACK.items()}, **READY, **SILENT}
"""What goes of each loudspeaker to the left and to the right: BS.775-4, annex 4, table 2 for 3/2 to 2/0.

A centre of the back counts as half on each side. LFE is left out.
"""


def matrix(channels: int, layout: str, to: int) -> NDArray[np.float32]:
    """How much of each channel goes into each of two channels, or into one.

    One channel goes into two as it is. Two go into one as their mean, so that two that are the same keep their level;
    more go into one as the mean of the two that BS.775 makes of them. Where parts add up the sum can rise above full
    scale: nothing is scaled down here.

    Args:
        channels: of the sound.
        layout: a name of `layout.LAYOUTS`; empty for one or two channels.
        to: 1 or 2.

    Shape:
        - output: `[to, channels]`

    Raises:
        ValueError: the layout is unknown, or has another number of channels.

    >>> matrix(6, "5.1", 2).astype(float).round(3).tolist()
    [[1.0, 0.0, 0.707, 0.0, 0.707, 0.0], [0.0, 1.0, 0.707, 0.0, 0.0, 0.707]]
    """
    if channels <= 2:  # noqa: PLR2004
        return np.eye(channels, dtype=np.float32) if to == channels else np.full((to, channels), 1 / channels, "f4")
    speakers = LAYOUTS.get(layout, "").split()
    if len(speakers) != channels:
        raise ValueError(f"where {channels} channels belong is not known (layout {layout!r}), so they cannot be mixed")
    both = np.array([STEREO[speaker] for speaker in speakers], np.float32).T
    return both if to == 2 else both.mean(axis=0, keepdims=True)  # noqa: PLR2004


def mixed(samples: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples in other channels.

    Shape:
        - samples: `[channels, frames]`
        - parts: `[to, channels]`, see `matrix`
        - output: `[to, frames]`
    """
    # Channel after channel: a matrix product adds in another order on another machine.
    out = np.zeros((len(parts), samples.shape[1]), np.float32)
    for to, channel in zip(*np.nonzero(parts), strict=True):
        out[to] += parts[to, channel] * samples[channel]
    return out

"""Where in a sound somebody is heard: its loudest windows, spread over its length, out of one pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.audio.overlap import recut

MOST = 12
"""Windows that are taken."""
SHORTEST, LONGEST = 1.0, 8.0
"""Seconds of a window: an eighth of the sound, within these."""
SILENT = 1e-6
"""Mean square (−60 dBFS) of windows in which nobody is heard."""
FAINT = 10**-2.5
"""Of the mean square of the loudest window: what is fainter is not taken either (−25 dB)."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Place:
    """A window of a sound.

    Attributes:
        start: its first frame.
        samples: `[frames]`.
    """

    start: int
    samples: Samples

    @property
    def power(self) -> float:
        """Mean square."""
        return float(np.mean(np.square(self.samples, dtype=np.float64)))


def loudest(blocks: Iterable[Samples], rate: int, frames: int) -> list[Place]:
    """The loudest window of each twelfth of a sound, but for those in which nobody is heard.

    Args:
        blocks: the sound.
        rate: Hz.
        frames: its length, about.

    Shape:
        - blocks: `[1, frames]`
    """
    size = round(min(LONGEST, max(SHORTEST, frames / rate / 8)) * rate)
    best: dict[int, Place] = {}
    for number, window in enumerate(recut(blocks, size)):
        place = Place(number * size, window[0])
        part = min(MOST - 1, number * size * MOST // max(1, frames))
        if window.shape[1] == size and place.power > best.get(part, NOWHERE).power:
            best[part] = Place(place.start, window[0].copy())
    least = max(SILENT, FAINT * max((place.power for place in best.values()), default=0.0))
    return [place for _, place in sorted(best.items()) if place.power >= least]


NOWHERE = Place(0, np.zeros(1, np.float32))

"""Keys of a dial (DTMF), and the tone of a receiver that was not put back: what sounds in each window of 32 ms.

ITU-T Q.23 and Q.24: signals of 40 ms and more are keys, what is shorter than 20 ms is none; the two frequencies may
differ in level. Which key it was stays here: a number that is dialled tells of somebody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.audio.spectral import StftStream
from librarian_tagging.bursts import Burst, Bursts
from librarian_tagging.lines import RATE, Spectra, Values, together
from librarian_tagging.plans import COLUMNS, KEYS_TOLERANCE, OFF_HOOK, ROWS, TOLERANCE

SIZE, HOP = 256, 64
"""32 ms every 8 ms."""
LEAST = 0.45
"""Share of the band's power from which a key sounds."""
TWIST = 0.1
"""Part of the stronger frequency's power that the weaker one has at least (−10 dB; Q.24 has 4 to 8)."""
OTHER = 0.25
"""Part of a frequency's power that no other of its group may have (−6 dB)."""
TWIST_HOWLER = 0.06
"""The same of the four of a receiver off the hook (−12 dB)."""
KEY = 0
HOWLER = 1
HOLES = 1
COUNT = len(ROWS) * len(COLUMNS)


class Keys:
    """Finds keys (`KEY`) and the off-hook tone (`HOWLER`)."""

    def __init__(self) -> None:
        self._stream: StftStream[NDArray[Any]] = StftStream(SIZE, HOP, padding="constant")
        self._bursts = Bursts(HOP / RATE, HOLES)

    def add(self, samples: NDArray[np.float32]) -> Iterator[Burst]:
        """Take a block, `[frames]` at 8 kHz, and give the bursts that have ended."""
        yield from self._look(self._stream.add(samples))

    def end(self) -> Iterator[Burst]:
        """Give what is left."""
        yield from self._look(self._stream.end())
        yield from map(_told, self._bursts.end())

    def _look(self, spectra: NDArray[np.complex64]) -> Iterator[Burst]:
        if not spectra.shape[1]:
            return
        windows = Spectra(spectra)
        which, share = _keys(windows)
        howling = together([windows.share(line, TOLERANCE) for line in OFF_HOOK], TWIST_HOWLER)
        which, share = np.where(howling > share, COUNT, which), np.maximum(share, howling)
        what = np.where(share >= LEAST, which, -1)
        yield from map(_told, self._bursts.add(what, share, share * windows.band))


def _keys(windows: Spectra) -> tuple[NDArray[np.int64], Values]:
    """The key that is most likely in each window, and its share: 0 where the two frequencies do not fit."""
    rows = np.stack([windows.share(line, KEYS_TOLERANCE) for line in ROWS])
    columns = np.stack([windows.share(line, KEYS_TOLERANCE) for line in COLUMNS])
    share = together([_only(rows), _only(columns)], TWIST)
    return rows.argmax(axis=0) * len(COLUMNS) + columns.argmax(axis=0), share


def _only(shares: Values) -> Values:
    """The greatest share of a group, 0 where another of the group is not far below it.

    Shape:
        - shares: `[frequencies, windows]`
        - output: `[windows]`
    """
    ordered = np.sort(shares, axis=0)
    return np.where(ordered[-2] <= OTHER * ordered[-1], ordered[-1], 0.0)


def _told(burst: Burst) -> Burst:
    return burst._replace(what=HOWLER if burst.what == COUNT else KEY)

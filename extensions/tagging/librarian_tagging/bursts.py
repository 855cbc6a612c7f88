"""Bursts: stretches in which one thing sounds without a break, from window to window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from librarian_tagging.lines import Values

SPLIT = 1500
"""Windows after which a burst is looked at as if it had ended: what goes on for hours is not held."""
CORE = 3
"""Windows at each end of which a part lies outside: what is said of the level leaves them out."""
WINDOW = np.dtype([("what", np.int64), ("share", np.float64), ("power", np.float64)])
Windows = NDArray[np.void]
EDGE = 0.25
"""Part of its usual power that a burst has at its ends (−6 dB): there half of a window is in it."""


class Burst(NamedTuple):
    """A stretch of one thing.

    Attributes:
        what: number of the thing.
        start: s.
        end: s.
        share: of the band's power, mean.
        spread: of its level, from the quieter to the louder tenth (dB).
    """

    what: int
    start: float
    end: float
    share: float
    spread: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


class Bursts:
    """Finds bursts in a stream of windows.

    However it is cut into blocks the same come out, but for where one of more than a minute is cut in two.

    Args:
        hop: from one window to the next (s).
        holes: windows with something else, or nothing, that do not end a burst; what is no longer is none.
    """

    def __init__(self, hop: float, holes: int) -> None:
        self._hop, self._holes = hop, holes
        self._held: Windows = np.zeros(0, WINDOW)
        self._first = 0  # number of the window that is held first
        self._read = 0  # behind the last window whose run has ended
        self._now: tuple[int, int, int] | None = None  # the burst that goes on: what, first window, behind the last

    def add(self, what: NDArray[np.int64], share: Values, power: Values) -> Iterator[Burst]:
        """Take windows, and give the bursts that have ended.

        Args:
            what: sounds in each; −1: nothing.
            share: of the band's power.
            power: of it.

        Shape:
            - what, share, power: `[windows]`
        """
        windows = np.empty(len(what), WINDOW)
        windows["what"], windows["share"], windows["power"] = what, share, power
        self._held = np.append(self._held, windows)
        yield from self._take(end=False)

    def end(self) -> Iterator[Burst]:
        """Give what is left."""
        yield from self._take(end=True)
        if self._now:
            yield self._burst(*self._now)

    def _take(self, *, end: bool) -> Iterator[Burst]:
        """Go through the runs of equal windows that have ended, and forget what is no longer needed."""
        what = self._held["what"][self._read - self._first :]
        edges = (np.flatnonzero(np.diff(what)) + 1).tolist()
        if len(what) and (end or (len(what) >= SPLIT and not edges)):
            edges.append(len(what))
        start = self._read
        for edge in edges:
            run = int(what[start - self._read]), start, self._read + edge
            if (ended := self._next(*run)) is not None:
                yield self._burst(*ended)
            start = run[2]
        self._read = start
        keep = self._now[1] if self._now else self._read
        self._held, self._first = self._held[keep - self._first :], keep

    def _next(self, what: int, start: int, stop: int) -> tuple[int, int, int] | None:
        """Take a run; the burst that it ends."""
        now = self._now
        if now and start - now[2] > self._holes:
            self._now = None if what < 0 or stop - start <= self._holes else (what, start, stop)
            return now
        if now and what == now[0] and stop - now[1] <= 2 * SPLIT:
            self._now = what, now[1], stop
        elif what >= 0 and stop - start > self._holes:
            self._now = what, start, stop
            return now
        elif now and stop - now[2] > self._holes:
            self._now = None
            return now
        return None

    def _burst(self, what: int, start: int, stop: int) -> Burst:
        windows = self._held[start - self._first : stop - self._first]
        inside = windows[windows["what"] == what]
        edge = EDGE * np.median(inside["power"])
        loud = np.flatnonzero((windows["what"] == what) & (windows["power"] >= edge))
        core = windows[loud[0] + CORE : loud[-1] + 1 - CORE] if len(loud) > 3 * CORE else inside
        low, high = np.quantile(core["power"][core["what"] == what], [0.1, 0.9])
        return Burst(
            what,
            max(0.0, float(start + loud[0] - 0.5) * self._hop),
            float(start + loud[-1] + 0.5) * self._hop,
            float(inside["share"].mean()),
            float(10.0 * np.log10(high / max(low, 1e-30))),
        )

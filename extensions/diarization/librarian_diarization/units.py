"""Speech cut into units: pieces so short that one voice is likely, and long enough to tell whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from librarian.audio.vad import Stretch

HOP = 320
"""Frames of 16 kHz from one frame of cepstra to the next: 20 ms."""
LONGEST = 25600
"""Frames of a unit at the most: 1.6 s, as much as a d-vector is of."""


@dataclass(frozen=True)
class Unit:
    """A piece of a stretch of speech.

    Attributes:
        start: its first frame; a whole number of hops from where its stretch starts.
        hops: its length, in hops.
        window: frames of `LONGEST` around it as far as its stretch goes, where more of a voice is heard.
        stretch: number of its stretch.
    """

    start: int
    hops: int
    window: tuple[int, int]
    stretch: int


def units(stretches: Sequence[Stretch]) -> list[Unit]:
    """Each stretch in as few units of the same length as there can be; less than a hop at its end is left out.

    >>> [(each.start, each.hops, each.window) for each in units([Stretch(0, 32000)])]
    [(0, 50, (0, 25600)), (16000, 50, (6400, 32000))]
    """
    found = []
    for number, stretch in enumerate(stretches):
        hops = (stretch.end - stretch.start) // HOP
        parts = -(-hops * HOP // LONGEST)
        edges = [hops * part // parts for part in range(parts + 1)] if parts else []
        for first, behind in pairwise(edges):
            start = stretch.start + first * HOP
            middle = start + (behind - first) * HOP // 2
            left = max(stretch.start, min(middle - LONGEST // 2, stretch.end - LONGEST))
            found.append(Unit(start, behind - first, (left, min(stretch.end, left + LONGEST)), number))
    return found

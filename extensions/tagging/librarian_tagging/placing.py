"""Windows of a sound, what each of them speaks for, and events from their probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Window(NamedTuple):
    """A part of a sound: its first frame, and its samples `[channels, frames]`."""

    start: int
    samples: Samples


@dataclass(frozen=True)
class Rules:
    """What makes an event.

    Attributes:
        threshold: probability from which it is there.
        release: and below which it ends, no higher than the threshold.
        gap: what has no more between is one event (s).
        minimum: what is shorter is none (s).
    """

    threshold: float
    release: float
    gap: float = 0.0
    minimum: float = 0.0


class Found(NamedTuple):
    """An event: start and end (s), and its greatest probability."""

    start: float
    end: float
    score: float


def windows(blocks: Iterable[Samples], size: int, hop: int) -> Iterator[Window]:
    """A sound in windows of `size` frames, one every `hop`. The last one ends with the sound, however near it is.

    A sound that is shorter than a window is one.

    Args:
        blocks: the sound, in blocks of any size.
        size: frames.
        hop: frames, 1 to size.

    Shape:
        - blocks: `[channels, frames]`

    >>> sound = np.zeros((1, 25), np.float32)
    >>> [(each.start, each.samples.shape[1]) for each in windows([sound], size=10, hop=5)]
    [(0, 10), (5, 10), (10, 10), (15, 10)]
    >>> [(each.start, each.samples.shape[1]) for each in windows([sound[:, :12], sound[:, :4]], size=10, hop=5)]
    [(0, 10), (5, 10), (6, 10)]
    >>> [(each.start, each.samples.shape[1]) for each in windows([sound[:, :3]], size=10, hop=5)]
    [(0, 3)]
    """
    held: list[Samples] = []
    first = seen = start = 0  # the frame that is held first, that behind the last, that of the next window
    for block in blocks:
        held.append(block)
        seen += block.shape[1]
        while seen >= start + size:
            sound = np.concatenate(held, axis=1)
            yield Window(start, sound[:, start - first : start - first + size])
            held, first = [sound[:, start - first :]], start  # kept: the last window may begin soon after it
            start += hop
    if seen and (not start or seen > start - hop + size):
        sound = np.concatenate(held, axis=1)
        place = max(0, seen - size)
        yield Window(place, sound[:, place - first :])


def borders(starts: Sequence[float], size: float, end: float) -> list[float]:
    """Where the stretches begin and end for which windows speak: each up to the middle between it and the next.

    The first one speaks for all before, the last one for all behind.

    Args:
        starts: of the windows (s).
        size: of a window (s).
        end: of the sound (s).

    >>> borders([0, 5, 6], size=10, end=16)
    [0.0, 7.5, 10.5, 16]
    """
    return [0.0, *((one + other + size) / 2 for one, other in pairwise(starts)), end]


def events(probabilities: Sequence[float], places: Sequence[float], rules: Rules) -> Iterator[Found]:
    """Events, in order and apart.

    First what lies above the threshold, and goes on above the release; then what has no more than the gap between is
    one; then what is short is left out.

    Args:
        probabilities: of the windows.
        places: of `borders`, one more.
        rules: what makes an event.

    >>> list(events([0.2, 0.7, 0.5, 0.3], [0, 5, 10, 15, 20], Rules(threshold=0.6, release=0.4)))
    [Found(start=5, end=15, score=0.7)]
    """
    joined: Found | None = None
    for event in _above(probabilities, places, rules):
        if joined is not None and event.start - joined.end <= rules.gap:
            joined = Found(joined.start, event.end, max(joined.score, event.score))
            continue
        if joined is not None and joined.end - joined.start >= rules.minimum:
            yield joined
        joined = event
    if joined is not None and joined.end - joined.start >= rules.minimum:
        yield joined


def _above(probabilities: Sequence[float], places: Sequence[float], rules: Rules) -> Iterator[Found]:
    now: Found | None = None
    for probability, (start, end) in zip(probabilities, pairwise(places), strict=True):
        if now is not None and probability >= rules.release:
            now = Found(now.start, end, max(now.score, probability))
            continue
        if now is not None:
            yield now
        now = Found(start, end, probability) if probability >= rules.threshold else None
    if now is not None:
        yield now

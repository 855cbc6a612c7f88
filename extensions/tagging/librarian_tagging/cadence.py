"""What tones mean by how they come and go: ring, busy, dial, and that somebody hung up.

After ITU-T E.180: ring 0.67 to 2.5 s every 3 to 6 s (pairs of 0.4 s in the UK), busy and congestion as long on as off
and 0.3 to 1.1 s together, dial without a break. The limits here are a little wider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from librarian_tagging.bursts import Burst
from librarian_tagging.keys import HOWLER, KEY
from librarian_tagging.plans import INFORMATION, Tone


class Found(NamedTuple):
    """An event: its label, start and end (s), and how much of the band's power it is (0 to 1), where that is said."""

    label: str
    start: float
    end: float
    score: float | None


TRAIN = 0.85
"""Longest pause within what comes again and again quickly (s)."""
BEATS = (0.12, 0.85)
"""Length of each burst of a busy tone (s)."""
PACES = (0.3, 1.2)
"""From the start of one burst of a busy tone to that of the next (s)."""
SOUNDING = (0.25, 0.75)
"""Part of it that sounds: half, or in the UK's congestion tone 0.225 or 0.4 of 0.75 s."""
OFF_PACE, FITTING = 0.15, 0.7
"""Part of a pace by which a burst may come early or late, and how many of them keep to it."""
FEWEST = 3
"""Bursts of a busy tone."""
RINGS = (0.35, 2.8)
"""Length of a ring, a pair of bursts included (s)."""
LONE = 0.6
"""Length of a ring of one frequency, at the least (s): what is shorter may be a note."""
PAUSE = 6.5
"""Longest pause between two rings (s)."""
DIALS = 1.0
DIALS_ALONE = 2.8
"""Length of a dial tone of two frequencies, and of one (s)."""
UNBROKEN = 0.7
"""Part of a dial tone that is heard; over the rest something else is louder."""
STEADY, PURE = 4.0, 0.45
"""Spread of the level of a burst (dB), at the most, and its share, at the least: notes and voices waver."""
ANSWERED = 1.2
"""A lone burst that keys follow within this (s) is a dial tone."""
TALK = 2
"""Seconds in which something moved, after which a busy tone says that somebody hung up."""
SIGNALS = (0.2, 0.5)
"""Length of each of the three information tones (s); E.180 has 0.33 ± 0.07."""
HOWLS = 5
"""Bursts of a receiver off the hook, at the least."""
SHORTEST_KEY, SURE_KEY = 0.032, 0.05
"""Length of a key that is clear, and of one that is not (s); Q.24 has 0.04, of which a window blurs some."""
CLEAR_KEY = 0.7
"""Share from which a key is clear: voices come near to one for some hundredths of a second."""


def trains(bursts: Sequence[Burst], pause: float) -> Iterator[list[Burst]]:
    """Bursts with short pauses between them."""
    train: list[Burst] = []
    for burst in bursts:
        if train and burst.start - train[-1].end > pause:
            yield train
            train = []
        train.append(burst)
    if train:
        yield train


def keys(bursts: Sequence[Burst]) -> Iterator[Found]:
    """Keys, each for itself."""
    for burst in bursts:
        if burst.what == KEY and burst.length >= (SHORTEST_KEY if burst.share >= CLEAR_KEY else SURE_KEY):
            yield Found("dtmf", burst.start, burst.end, None)  # a share would tell one key from another


def off_hook(bursts: Sequence[Burst]) -> Iterator[Found]:
    """The tone of a receiver off the hook."""
    for train in trains([burst for burst in bursts if burst.what == HOWLER], 0.2):
        if len(train) >= HOWLS:
            yield _found("hangup", train)


def information(bursts: Sequence[Burst], first: int) -> Iterator[Found]:
    """Special information tones: three bursts, one higher than the other.

    Args:
        bursts: by start.
        first: number of the lowest.
    """
    signals = [each for each in bursts if each.what >= first and SIGNALS[0] <= each.length <= SIGNALS[1]]
    size = len(INFORMATION)
    for place in range(len(signals) - size + 1):
        three = signals[place : place + size]
        follow = all(0 <= late.start - early.end + 0.05 <= 0.2 for early, late in pairwise(three))  # noqa: PLR2004
        if follow and [each.what - first for each in three] == list(range(size)):
            yield _found("hangup", three)


def progress(tone: Tone, bursts: Sequence[Burst], dialled: Sequence[Found]) -> Iterator[Found]:
    """What the bursts of one tone mean.

    Args:
        tone: the tone.
        bursts: its own, by start.
        dialled: keys.
    """
    alone = len(tone.lines) == 1
    least = DIALS_ALONE if alone else DIALS
    rings: list[Found] = []
    for train in trains([each for each in bursts if _is_pure(each)], TRAIN):
        whole = _found("", train)
        longest = max(each.length for each in train)
        sounding = sum(each.length for each in train)
        if "busy" in tone.means and _is_busy(train):
            yield whole._replace(label="busy")
        elif "dial" in tone.means and sounding >= max(least, UNBROKEN * (whole.end - whole.start)):
            yield whole._replace(label="dial")
        elif "ring" in tone.means and _is_ring(train, longest, alone=alone):
            rings.append(whole._replace(label="ring"))
    yield from _rung(rings, dialled, may_be_dial="dial" in tone.means)


def _is_pure(burst: Burst) -> bool:
    return burst.share >= PURE and burst.spread <= STEADY


def _is_busy(train: Sequence[Burst]) -> bool:
    """Whether bursts come at one pace, though one may be missing or broken here and there."""
    beats = [each for each in train if BEATS[0] <= each.length <= BEATS[1]]
    if len(beats) < FEWEST:
        return False
    steps = [late.start - early.start for early, late in pairwise(beats)]
    pace = median(steps)
    fitting = sum(abs(step / pace - round(step / pace)) <= OFF_PACE and round(step / pace) <= 2 for step in steps)  # noqa: PLR2004
    lengths = median(each.length for each in beats) / pace
    return PACES[0] <= pace <= PACES[1] and SOUNDING[0] <= lengths <= SOUNDING[1] and fitting >= FITTING * len(steps)


def _is_ring(train: Sequence[Burst], longest: float, *, alone: bool) -> bool:
    span = train[-1].end - train[0].start
    return len(train) <= 2 and RINGS[0] <= span <= RINGS[1] and longest >= (LONE if alone else RINGS[0] / 2)  # noqa: PLR2004


def _rung(rings: Sequence[Found], dialled: Sequence[Found], *, may_be_dial: bool) -> Iterator[Found]:
    """Rings with a pause between them are one ringing."""
    whole: list[Found] = []
    for ring in rings:
        if whole and ring.start - whole[-1].end <= PAUSE:
            last = whole[-1]
            whole[-1] = Found("ring", last.start, ring.end, max(last.score or 0.0, ring.score or 0.0))
        else:
            whole.append(ring)
    for each in whole:
        answered = any(0 <= key.start - each.end <= ANSWERED for key in dialled)
        yield each._replace(label="dial") if may_be_dial and answered else each


def hung_up(events: Sequence[Found], moving: Sequence[int], bursts: Sequence[Burst]) -> list[Found]:
    """A busy tone after there was talk says that somebody hung up.

    Args:
        events: of the line, by start.
        moving: for each second whether something moves in it.
        bursts: of tones: they are no talk.
    """
    talk = {second for second, moves in enumerate(moving) if moves}
    for burst in bursts:
        talk.difference_update(range(int(burst.start), int(burst.end) + 1))
    found: list[Found] = []
    since = 0.0
    for each in events:
        ended = each.label == "busy" and sum(since <= second < each.start for second in talk) >= TALK
        found.append(each._replace(label="hangup") if ended else each)
        since = since if each.label == "busy" else each.end
    return found


def _found(label: str, bursts: Sequence[Burst]) -> Found:
    sounding = sum(each.length for each in bursts)
    share = sum(each.share * each.length for each in bursts) / sounding
    return Found(label, bursts[0].start, bursts[-1].end, min(1.0, share))

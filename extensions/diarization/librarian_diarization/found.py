"""What a method found: turns, and how sure it is of the number of voices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise
from typing import Literal

from librarian import Turn, Turns

Method = Literal["channels", "classic", "pyannote"]
Counted = Literal["given", "guessed", "channels"]
Certainty = Literal["certain", "fair", "low"]
Features = Literal["none", "cepstra", "d_vectors", "embeddings"]

MILLISECONDS = 3
"""Decimals of a time (s)."""


@dataclass(frozen=True)
class Found:
    """What a method found.

    Attributes:
        turns: all turns, in any order, speakers by any numbers.
        method: how they were found.
        counted: where the number of speakers comes from.
        certainty: how far that number can be relied on.
        features: what voices were told apart by.
        exclusively: turns of at most one speaker at a time, where the method finds those itself.
        linked: part of the voices that the speakers were found among, where the method knows.
    """

    turns: Sequence[Turn]
    method: Method
    counted: Counted
    certainty: Certainty
    features: Features
    exclusively: Sequence[Turn] | None = None
    linked: float | None = None

    def as_data(self) -> Turns:
        """The turns as they are handed on: speakers are numbered as they come in."""
        turns = sorted(self.turns, key=lambda turn: (turn.start, turn.end, turn.speaker))
        numbers = {speaker: number for number, speaker in enumerate(dict.fromkeys(turn.speaker for turn in turns), 1)}
        numbered, alone = (
            [turn.model_copy(update={"speaker": numbers[turn.speaker]}) for turn in some]
            for some in (turns, self.exclusively or ())
        )
        return Turns(
            speakers=len(numbers), counted=self.counted, turns=numbered, exclusive=alone or exclusive(numbered)
        )


def exclusive(turns: Sequence[Turn]) -> list[Turn]:
    """At most one speaker at a time: who is surer speaks, and of two that are as sure, who began before.

    Args:
        turns: by start.
    """
    found: list[Turn] = []
    for start, end, active in _slices(turns):
        if not active:
            continue
        chosen = max(active, key=lambda turn: (turn.confidence or 0.0, -turn.start))
        if found and found[-1].end == start and _same(found[-1], chosen):
            found[-1] = found[-1].model_copy(update={"end": end})
        else:
            found.append(chosen.model_copy(update={"start": start, "end": end}))
    return found


def overlaps(turns: Sequence[Turn]) -> list[tuple[float, float]]:
    """Where more than one speaks (s), in order and apart."""
    found: list[tuple[float, float]] = []
    for start, end, active in _slices(turns):
        if len({turn.speaker for turn in active}) > 1:
            goes_on = found and found[-1][1] == start
            found.append((found.pop()[0] if goes_on else start, end))
    return found


def merged(turns: Iterable[Turn], gap: float) -> list[Turn]:
    """Turns of one speaker between which there is no more than a gap (s) as one; by start.

    Args:
        turns: by start.
        gap: s.
    """
    last: dict[tuple[int, int | None], int] = {}
    found: list[Turn] = []
    for turn in turns:
        who = turn.speaker, turn.channel
        place = last.get(who)
        if place is not None and turn.start - found[place].end <= gap:
            found[place] = _joined(found[place], turn)
        else:
            last[who] = len(found)
            found.append(turn)
    return found


def alone(turns: Sequence[Turn]) -> list[Turn]:
    """The parts of turns in which nobody else speaks.

    Args:
        turns: by start; those of one speaker apart.
    """
    found: list[Turn] = []
    for start, end, active in _slices(turns):
        if len({turn.speaker for turn in active}) == 1:
            found.append(active[0].model_copy(update={"start": start, "end": end}))
    return merged(found, 0.0)


def _joined(one: Turn, other: Turn) -> Turn:
    sure = [each.confidence for each in (one, other) if each.confidence is not None]
    return one.model_copy(update={"end": max(one.end, other.end), "confidence": min(sure, default=None)})


def _same(one: Turn, other: Turn) -> bool:
    return (one.speaker, one.channel, one.confidence) == (other.speaker, other.channel, other.confidence)


def _slices(turns: Sequence[Turn]) -> Iterator[tuple[float, float, list[Turn]]]:
    """Between each two moments where something begins or ends: both, and the turns that go on between them."""
    ends = sorted(turn.end for turn in turns)
    moments = list(dict.fromkeys(merge((turn.start for turn in turns), ends)))
    active: list[Turn] = []
    coming = iter(turns)
    following = next(coming, None)
    for start, end in pairwise(moments):
        active = [turn for turn in active if turn.end > start]
        while following is not None and following.start <= start:
            active.append(following)
            following = next(coming, None)
        yield start, end, [turn for turn in active if turn.end > start]

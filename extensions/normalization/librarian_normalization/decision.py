"""Which gain a sound gets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from librarian.audio import loudness
from librarian_normalization import NormalizeSettings
from librarian_normalization.levels import DECIMALS, Levels

NEAR = 0.05
"""LU or dB. A limited sound that is so near to its target has reached it."""

ROUNDS = 6
"""How often a sound is limited at the most, each time with another gain."""

MOST_MORE = 12.0
"""dB. What a limiter takes away is made up for by so much at the most: beyond, nothing is left but noise."""

USUAL_SLOPE = 0.75
"""dB that a limited sound rises with a dB of gain, before that is known of the very sound."""


@dataclass(frozen=True)
class Decision:
    """What is done to a sound.

    Attributes:
        gain: dB.
        result: the fact of this name.
    """

    gain: float
    result: str


def decide(levels: Levels, settings: NormalizeSettings) -> Decision:
    """The gain for a sound with these levels; 0 where its level is not defined."""
    level = levels.value(settings.by)
    if not math.isfinite(level):
        return Decision(0.0, "too_short" if math.isnan(level) else "silent")
    wanted = loudness.gain_for(levels.powers, settings.target) if settings.by == "loudness" else settings.target - level
    allowed = settings.ceiling - levels.true_peak
    if settings.leave_within and abs(wanted) <= settings.leave_within and allowed >= 0:
        return Decision(0.0, "left_alone")
    if wanted <= allowed:
        return Decision(rounded(wanted), "normalized")
    return Decision(rounded(wanted), "limited") if settings.limiter else Decision(rounded(allowed), "held_by_ceiling")


def rounded(gain: float) -> float:
    """A gain as it is recorded and applied, exactly: rounded down, so that the ceiling still holds."""
    steps = 10.0**DECIMALS
    return math.floor(gain * steps) / steps


class Search:
    """The gain before a limiter after which a sound meets its target, by the secant method.

    Args:
        target: in the unit of the levels.
        wanted: the gain (dB) that would do without a limiter, which takes some of it away.

    Attributes:
        gain: dB, to be tried.
        found: whether it meets the target.
        ended: whether it does, or none does.

    >>> search = Search(-16.0, 10.0)
    >>> search.add(-17.0)
    >>> search.go_on()
    >>> search.gain
    11.3333
    """

    def __init__(self, target: float, wanted: float) -> None:
        self.gain, self.found, self.ended = wanted, False, False
        self._target, self._most, self._left = target, wanted + MOST_MORE, ROUNDS
        self._tried: list[tuple[float, float]] = []

    def add(self, level: float) -> None:
        """Say which level a sound has with the gain."""
        self._tried.append((self.gain, level))
        self._left -= 1
        self.found = abs(self._target - level) <= NEAR
        self.ended = self.found or not self._left or (level < self._target and self.gain >= self._most)

    def go_on(self) -> None:
        """Find another gain to try."""
        gain, level = self._tried[-1]
        slope = USUAL_SLOPE
        if len(self._tried) > 1:
            before, then = self._tried[-2]
            slope = min(1.0, max(0.1, (level - then) / (gain - before)))
        self.gain = min(self._most, rounded(gain + (self._target - level) / slope))

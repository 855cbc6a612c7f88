"""Whether each of two channels has a voice of its own, and where a channel only hears the other one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONSET = 0.5
"""Probability from which a window counts as speech."""
APART = 6.0
"""dB by which one channel is above the other while only one of them has a voice."""
LEAST_APART, LEAST_EACH = 0.65, 0.05
"""Of the windows with speech: those in which one channel is that much above the other, and those of each channel."""
CROSS_TALK = 15.0
"""dB: what is farther below the other channel is only heard from there."""
LATE, EARLY, AROUND = 10, 1, 3
"""Windows of 32 ms by which cross-talk may come later or earlier, and with which a channel's own level is taken."""
FAINTEST = 1e-10

Values = NDArray[np.float32]


def have_their_own(speech: Values, power: Values) -> bool:
    """Whether each of two channels has a voice of its own: they are no stereo picture of one room, and no mono.

    Shape:
        - speech, power: `[2, windows]`, probabilities and mean squares
    """
    spoken = speech.max(axis=0) >= ONSET
    if not spoken.any():
        return False
    first, second = _levels(power)[:, spoken]
    shares = (first - second >= APART).mean(), (second - first >= APART).mean()
    return bool(sum(shares) >= LEAST_APART and min(shares) >= LEAST_EACH)


def without_cross_talk(speech: Values, power: Values) -> Values:
    """The probabilities, 0 where a channel only hears another.

    Shape:
        - speech, power, output: `[channels, windows]`
    """
    levels = _levels(power)
    found = speech.copy()
    for channel in range(len(speech)):
        others = np.delete(levels, channel, axis=0).max(axis=0)
        found[channel, _greatest(others, LATE, EARLY) - _greatest(levels[channel], AROUND, AROUND) > CROSS_TALK] = 0.0
    return found


def _levels(power: Values) -> NDArray[np.float64]:
    return np.asarray(10.0 * np.log10(np.maximum(power, FAINTEST)))


def _greatest(levels: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    """The greatest level from so many windows before to so many after each."""
    padded = np.pad(levels, (before, after), constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after).max(axis=1))

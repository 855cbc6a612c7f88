"""Who spoke when, where each channel has a speaker of its own, and hears the others softly and late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from librarian import Turn
from librarian.audio.silero import WINDOW
from librarian.audio.vad import Stretch
from librarian_diarization.found import MILLISECONDS, Found
from librarian_diarization.hearing import FAINTEST, THRESHOLDS, Heard, stretches
from librarian_diarization.sound import RATE, Samples, Sound

LATE, EARLY = 10, 1
"""Windows of 32 ms by which cross-talk may come later, and a channel earlier, than the voice itself."""
AROUND = 3
"""Windows before and after, with which a channel's own level is taken: a syllable has quiet sounds."""
LEAK_SHARE = 75.0
"""Percentile of the levels of what may be cross-talk or a voice under another one: the louder part is cross-talk."""
LEAST_LEAK, MOST_LEAK = 6.0, 30.0
"""How far below a voice its cross-talk is taken to be (dB)."""
HYSTERESIS = 1.5
"""dB, on both sides of half way."""
APART = 6.0
"""dB by which one channel is above the other while only one of them has a voice."""
LEAST_APART, LEAST_EACH = 0.65, 0.05
"""Of the windows with speech: those in which one channel is that much above the other, and those of each channel."""


def have_their_own(heard: Heard) -> bool:
    """Whether each of two channels has a voice of its own: they are no stereo picture of one room, and no mono."""
    spoken = heard.speech.max(axis=0) >= THRESHOLDS.onset
    if not spoken.any():
        return False
    first, second = _levels(heard)[:, spoken]
    shares = (first - second >= APART).mean(), (second - first >= APART).mean()
    return bool(sum(shares) >= LEAST_APART and min(shares) >= LEAST_EACH)


class ByChannel:
    """The method `channels` for one sound. No network has a part in it but voice activity's."""

    def __init__(self, sound: Sound, heard: Heard) -> None:
        self.sound, self._heard = sound, heard

    def pieces(self) -> Iterator[Samples]:
        """None."""
        return iter(())

    def add(self, made: Samples) -> None:
        """Never called."""

    def found(self) -> Found:
        """Its turns."""
        return by_channel(self._heard)


def by_channel(heard: Heard) -> Found:
    """What each channel says of its own speaker."""
    turns = []
    for channel, masked in enumerate(_without_cross_talk(heard)):
        for stretch in stretches(masked, heard.frames):
            turns.append(_turn(channel, stretch, heard.speech[channel]))
    return Found(turns, "channels", "channels", "certain", "none")


def _turn(channel: int, stretch: Stretch, probabilities: NDArray[np.float32]) -> Turn:
    spoken = probabilities[stretch.start // WINDOW : -(-stretch.end // WINDOW)].mean()
    return Turn(
        start=round(stretch.start / RATE, MILLISECONDS),
        end=round(stretch.end / RATE, MILLISECONDS),
        speaker=channel + 1,
        channel=channel,
        confidence=round(min(1.0, float(spoken)), 3),
    )


def _levels(heard: Heard) -> NDArray[np.float64]:
    """dB, `[channels, windows]`."""
    return np.asarray(10.0 * np.log10(np.maximum(heard.power, FAINTEST)))


def _without_cross_talk(heard: Heard) -> Iterator[NDArray[np.float32]]:
    """For each channel its probabilities, 0 where it only hears another one."""
    levels = _levels(heard)
    for channel, probabilities in enumerate(heard.speech):
        others = np.delete(levels, channel, axis=0)
        above = _greatest(others.max(axis=0), LATE, EARLY) - _greatest(levels[channel], AROUND, AROUND)
        leak = _leak(above[probabilities >= THRESHOLDS.offset])
        yield np.where(_is_own(above, leak / 2), probabilities, 0.0).astype(np.float32)


def _leak(above: NDArray[np.float64]) -> float:
    """How far cross-talk is below the voice that it comes from (dB), by the levels where a channel seems to speak."""
    leaks = above[above > LEAST_LEAK / 2]
    if len(leaks) <= LEAST_EACH * len(above):
        return MOST_LEAK
    return float(np.clip(np.percentile(leaks, LEAK_SHARE), LEAST_LEAK, MOST_LEAK))


def _greatest(levels: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    """The greatest level from so many windows before to so many after each."""
    padded = np.pad(levels, (before, after), constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after).max(axis=1))


def _is_own(above: NDArray[np.float64], half: float) -> NDArray[np.bool_]:
    """Where a channel has its own voice: from well below half way on, until it is well above."""
    decided = np.where(above < half - HYSTERESIS, 1, np.where(above > half + HYSTERESIS, 0, -1))
    places = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return np.asarray(decided[places] == 1)

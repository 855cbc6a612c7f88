"""A look-ahead true-peak limiter: the gain falls before a crest comes, and no crest rises above the ceiling.

After Luff, "Designing a straightforward limiter" (Signalsmith Audio 2022), and Giannoulis, Massberg, Reiss, "Digital
dynamic range compressor design" (JAES 60-6, 2012). The gain that each crest allows goes through

1. a sliding minimum: it holds from before each crest until after it;
2. a release: it may fall at once, but rises exponentially, and never above 1;
3. two moving averages: a smooth fall that is complete when the crest comes, for a mean of gains that are all small
   enough is small enough.

All channels share the gain, so that the image stays where it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.audio import crests
from librarian.audio.kernels import planar
from librarian.audio.peak import amplitude, decibels
from librarian.compiled import kernel

MARGIN = 0.1
"""dB that the limiter stays under its ceiling: what a crest hides between points, and what the moving gain adds."""

HOLD = crests.HALF_TAPS
"""Frames on each side of a crest over which its gain is complete: all that the crest is made of."""

UNITY = 1 << 30
"""A gain of 1. Whole numbers, rounded down, so that moving sums are exact: they never drift from what they sum."""

ARRIVED = 1e-6
"""So near to its end a release is over; else the gain would never be 1 again."""

AUDIBLE = 0.1
"""dB. What is reduced by more counts as limited."""


@dataclass(frozen=True)
class Reduction:
    """What a limiter did so far.

    Attributes:
        greatest: dB, 0 or more.
        mean: dB, of the mean gain over the time that was limited; 0 where there was none.
        share: of all frames, those that were limited: reduced by more than 0.1 dB.
    """

    greatest: float
    mean: float
    share: float


class Limiter:
    """Limits a sound that comes in blocks. The result does not depend on their sizes, and is as long as the sound.

    After a meter (`peak.true_peak`), and ideally interpolated up to 0.45 of the sample rate, no crest lies above the
    ceiling. What reaches right up to half the rate (white noise, clipped sound, a digital square wave) and is ideally
    interpolated can lie above it by up to 1.5 dB. Where that matters, look with `librarian.audio.interpolated` and set
    the ceiling lower by as much: `normalize` does.

    Not for making things loud: it is transparent for a few dB, and pumps where it reduces all the time.

    Args:
        rate: Hz.
        channels: of the sound, 1 or more.
        ceiling: dBTP.
        look_ahead: s, over which the gain falls before a crest.
        release: s, after which the gain has risen by 63 % of the way back.

    >>> limiter = Limiter(48000, 1, -1.0)
    >>> tone = 2 * np.sin(np.arange(48000) / 10, dtype=np.float32)[np.newaxis]
    >>> out = np.concatenate([limiter.add(tone), limiter.end()], axis=1)
    >>> out.shape, bool(np.abs(out).max() < 0.892), round(limiter.reduction().greatest, 1)
    ((1, 48000), True, 7.1)
    """

    def __init__(
        self, rate: int, channels: int, ceiling: float, *, look_ahead: float = 0.005, release: float = 0.1
    ) -> None:
        self._threshold = amplitude(ceiling - MARGIN)
        self._halves, self._gain = crests.interpolators()
        self._work = crests.workspace()
        box = max(1, round(look_ahead * rate / 2))
        self._delay = 2 * box - 2 + HOLD
        self._minimum = _Minimum(self._delay + HOLD + 1)
        self._release = _Release(1.0 - math.exp(-1.0 / (release * rate)))
        self._averages = _Average(box), _Average(box)
        self._around = np.zeros((channels, crests.HALF_TAPS - 1), np.float32)
        self._waiting = np.zeros((channels, 0), np.float32)
        self._early = self._delay
        self._did = np.zeros(4)

    def add(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take a block, and give back what is ready: at first nothing, later as much as comes.

        Args:
            samples: finite.

        Shape:
            - samples: `[channels, frames]`
            - output: `[channels, any number of frames]`

        Raises:
            ValueError: samples are not `[channels, frames]` with as many channels as before.
        """
        samples = planar(samples)
        if len(samples) != len(self._waiting):
            raise ValueError(f"expected {len(self._waiting)} channels, got {len(samples)}")
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        gains = self._gains(self._crests(samples))
        early = min(self._early, gains.size)
        self._early -= early
        ready, self._waiting = np.split(self._waiting, [gains.size - early], axis=1)
        out = np.empty(ready.shape, np.float32)
        _apply(np.ascontiguousarray(ready), gains[early:], out, self._did)
        return out

    def end(self) -> NDArray[np.float32]:
        """The rest, once all blocks were added.

        Shape:
            - output: `[channels, frames]`
        """
        return self.add(np.zeros((len(self._waiting), self._delay + crests.HALF_TAPS), np.float32))

    def reduction(self) -> Reduction:
        """What was done to the frames that came out."""
        frames, limited, total, greatest = self._did.tolist()
        share, mean = limited / frames if frames else 0.0, total / limited if limited else 1.0
        return Reduction(-decibels(1.0 - greatest) + 0.0, -decibels(mean) + 0.0, share)

    def _crests(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        around = np.concatenate([self._around, samples], axis=1)
        found = np.zeros(max(0, around.shape[1] - crests.CONTEXT), np.float32)
        for channel in around:
            crests.raise_to_crests(channel, self._threshold, self._halves, self._gain, self._work, found)
        self._around = around[:, found.size :]
        return found

    def _gains(self, found: NDArray[np.float32]) -> NDArray[np.int64]:
        allowed = self._threshold / np.maximum(found, self._threshold, dtype=np.float64)
        gains = (allowed * UNITY).astype(np.int64)
        self._minimum.run(gains)
        self._release.run(gains)
        for average in self._averages:
            average.run(gains)
        return gains


class _Minimum:
    """The least of the last gains, in place."""

    def __init__(self, length: int) -> None:
        self._least, self._places = np.zeros(length + 1, np.int64), np.zeros(length + 1, np.int64)
        self._state = np.zeros(3, np.int64)

    def run(self, gains: NDArray[np.int64]) -> None:
        _slide(gains, self._least, self._places, self._state)


class _Release:
    """Gains that fall at once and rise slowly, in place."""

    def __init__(self, part: float) -> None:
        self._part, self._level = part, np.ones(1)

    def run(self, gains: NDArray[np.int64]) -> None:
        _rise(gains, self._part, self._level)


class _Average:
    """The mean of the last gains, in place, as if there had been no reduction before."""

    def __init__(self, length: int) -> None:
        self._last, self._state = np.full(length, UNITY), np.array([0, length * UNITY])

    def run(self, gains: NDArray[np.int64]) -> None:
        _average(gains, self._last, self._state)


@kernel
def _slide(
    gains: NDArray[np.int64], least: NDArray[np.int64], places: NDArray[np.int64], state: NDArray[np.int64]
) -> None:
    """A queue of gains that only rise, in a ring (Lemire, "Streaming maximum-minimum filter", 2006)."""
    size = least.size
    first, count, now = state
    for i in range(gains.size):
        while count and least[_at(first + count - 1, size)] >= gains[i]:
            count -= 1
        last = _at(first + count, size)
        least[last] = gains[i]
        places[last] = now
        count += 1
        if places[first] <= now - (size - 1):
            first = _at(first + 1, size)
            count -= 1
        gains[i] = least[first]
        now += 1
    state[0], state[1], state[2] = first, count, now


@kernel
def _at(place: int, size: int) -> int:
    """A place in a ring that may lie once beyond its end."""
    return place if place < size else place - size


@kernel
def _rise(gains: NDArray[np.int64], part: float, level: NDArray[np.float64]) -> None:
    now = level[0]
    for i in range(gains.size):
        allowed = gains[i] / UNITY
        if allowed - now < ARRIVED:
            now = allowed
        else:
            now += part * (allowed - now)
        gains[i] = int(now * UNITY)
    level[0] = now


@kernel
def _average(gains: NDArray[np.int64], last: NDArray[np.int64], state: NDArray[np.int64]) -> None:
    place, total = state
    for i in range(gains.size):
        total += gains[i] - last[place]
        last[place] = gains[i]
        place = place + 1 if place + 1 < last.size else 0
        gains[i] = total // last.size
    state[0], state[1] = place, total


@kernel
def _apply(
    samples: NDArray[np.float32], gains: NDArray[np.int64], out: NDArray[np.float32], did: NDArray[np.float64]
) -> None:
    """Multiply, and count frames, limited frames, their gains, and the greatest part that was taken away."""
    audible = 10.0 ** (-AUDIBLE / 20.0)
    for i in range(gains.size):
        gain = gains[i] / UNITY
        for channel in range(samples.shape[0]):
            out[channel, i] = samples[channel, i] * gain
        if gain < audible:
            did[1] += 1.0
            did[2] += gain
        did[3] = max(did[3], 1.0 - gain)
    did[0] += gains.size

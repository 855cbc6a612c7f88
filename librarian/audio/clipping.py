"""Clipping: tops that are cut off flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.audio.windows import Windows
from librarian.compiled import kernel

STEPS = 32768.0
"""Levels are told apart as 16 bits do: what lies within one step is the same."""
SHORTEST = 3
"""Samples in a row: as in Audacity's "Find Clipping"."""
CORNER = 8
"""Steps by which the sample before a run lies lower: a smooth crest comes near its top in smaller ones."""
LOWEST = 0.01
"""A top under −40 dBFS is none: quiet sound of 8 bits is flat everywhere."""

VALUES = 5
TOP, RUNS, SAMPLES, LENGTH, CORNERED = range(VALUES)
AT, NEAR = range(2)


@kernel
def _scan(
    x: NDArray[np.float32], start: int, end: int, sign: float, before: np.float32, state: NDArray[np.int64]
) -> None:
    """Follow the runs at the top (AT), and at most a step below it (NEAR), through one window.

    Where a sample lies one step above the top, what was at the top is near it from then on; where it lies
    higher, nothing is. So in the end all runs are counted that a second pass, with the top known, would count.
    """
    last = np.int64(np.floor(sign * before * STEPS))
    for i in range(start, end):
        level = np.int64(np.floor(sign * x[i] * STEPS))
        if level > state[AT, TOP]:
            stays = level == state[AT, TOP] + 1
            for value in range(VALUES):
                state[NEAR, value] = state[AT, value] if stays else 0
                state[AT, value] = 0
            state[AT, TOP], state[NEAR, TOP] = level, level - 1
        for place in range(2):
            if level < state[place, TOP]:
                state[place, LENGTH] = 0
                continue
            if state[place, LENGTH] == 0:
                state[place, CORNERED] = level - last > CORNER
            state[place, LENGTH] += 1
            if state[place, CORNERED] and state[place, LENGTH] >= SHORTEST:
                first = state[place, LENGTH] == SHORTEST
                state[place, RUNS] += first
                state[place, SAMPLES] += SHORTEST if first else 1
        last = level


@kernel
def _follow(
    samples: NDArray[np.float32],
    extremes: NDArray[np.float64],
    window: int,
    way: int,
    before: NDArray[np.float32],
    states: NDArray[np.int64],
) -> None:
    """One way, upwards (0) or downwards (1), through all channels."""
    sign = 1.0 - 2.0 * way
    for channel in range(samples.shape[0]):
        x, state = samples[channel], states[channel, way]
        for number in range(extremes.shape[1]):
            start = number * window
            if np.int64(np.floor(sign * extremes[channel, number] * STEPS)) < state[NEAR, TOP]:
                state[AT, LENGTH], state[NEAR, LENGTH] = 0, 0
            else:
                _scan(x, start, min(start + window, x.size), sign, x[start - 1] if start else before[channel], state)


class Clipping:
    """Counts runs of three and more samples at the greatest value of their channel, or a 16-bit step below it.

    Upwards and downwards are counted apart, each with its own top, so that a clipped sound is found at any level
    and with any offset. A run counts where it begins with a corner, as no crest of a clean tone does: one that is
    rounded to 16 bits and three samples wide begins with 6 steps at the most.

    What was clipped and then changed (filtered, coded with loss, resampled) has no flat tops and is not found, nor is
    what rises to its top by less than 8 steps a sample.
    """

    def __init__(self, channels: int) -> None:
        self._states = np.zeros((channels, 2, 2, VALUES), np.int64)
        self._states[:, :, :, TOP] = round(LOWEST * STEPS)
        self._states[:, :, NEAR, TOP] -= 1

    def add(self, samples: NDArray[np.float32], windows: Windows, window: int, before: NDArray[np.float32]) -> None:
        """Take in some windows of `window` frames; `before` are the samples before them, one a channel."""
        for way, extremes in enumerate((windows.greatest, windows.least)):
            _follow(samples, extremes, window, way, before, self._states)

    @property
    def tops(self) -> NDArray[np.float64]:
        """The value from which on a sample is at or next to the top.

        Shape:
            - output: `[channels, 2]`: upwards, and downwards as a magnitude
        """
        return np.asarray(self._states[:, :, NEAR, TOP] / STEPS)

    @property
    def runs(self) -> int:
        """Clipped runs, of all channels."""
        return int(self._states[:, :, :, RUNS][:, :, NEAR].sum())

    @property
    def samples(self) -> int:
        """Samples in them."""
        return int(self._states[:, :, NEAR, SAMPLES].sum())

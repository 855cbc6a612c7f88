"""Dropouts: stretches of one value in the middle of sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.audio.windows import Windows
from librarian.compiled import kernel

SHORTEST_SECONDS = 0.005
LOUD = 1e-5
"""Variance of a window (−50 dBFS) before and after a stretch: then it is in the middle of sound."""

LENGTH, IN_SOUND, WAS_LOUD, ENDED, ENDED_FRAMES, RUNS, FRAMES = range(7)


@kernel
def _end(value: np.float32, shortest: int, tops: NDArray[np.float64], state: NDArray[np.int64]) -> None:
    """A stretch of one value ends: it counts if sound was before it, follows, and it is no clipped top."""
    if state[LENGTH] >= shortest and state[IN_SOUND] and -tops[1] < value < tops[0]:
        state[ENDED] += 1
        state[ENDED_FRAMES] += state[LENGTH]
    state[LENGTH] = 1
    state[IN_SOUND] = state[WAS_LOUD]


@kernel
def _follow_all(
    samples: NDArray[np.float32],
    before: NDArray[np.float32],
    powers: NDArray[np.float64],
    still: NDArray[np.int64],
    window: int,
    shortest: int,
    tops: NDArray[np.float64],
    states: NDArray[np.int64],
) -> None:
    for channel in range(samples.shape[0]):
        x, state = samples[channel], states[channel]
        _follow(x, before[channel], powers[channel], still[channel], window, shortest, tops[channel], state)


@kernel
def _follow(
    x: NDArray[np.float32],
    before: np.float32,
    powers: NDArray[np.float64],
    still: NDArray[np.int64],
    window: int,
    shortest: int,
    tops: NDArray[np.float64],
    state: NDArray[np.int64],
) -> None:
    for number in range(powers.size):
        loud = powers[number] >= LOUD
        if loud:
            state[RUNS] += state[ENDED]
            state[FRAMES] += state[ENDED_FRAMES]
        state[ENDED], state[ENDED_FRAMES] = 0, 0
        start, end = number * window, min((number + 1) * window, x.size)
        if 2 * (still[number] + 2) < shortest and 2 * state[LENGTH] < shortest:
            # No stretch here is half as long as one that counts: only the last may go on.
            state[LENGTH], state[IN_SOUND] = 1, state[WAS_LOUD]
            i = end - 1
            while i > start and x[i] == x[i - 1]:
                state[LENGTH] += 1
                i -= 1
        else:
            last = x[start - 1] if start else before
            for i in range(start, end):
                if x[i] == last:
                    state[LENGTH] += 1
                else:
                    _end(last, shortest, tops, state)
                last = x[i]
        state[WAS_LOUD] = loud


class Dropouts:
    """Counts stretches of at least 5 ms in which a channel stands still, at zero or elsewhere, in the middle of sound.

    In the middle: the 20 ms windows before the one in which it begins, and after the one in which it ends, are louder
    than −50 dBFS. So pauses that fade in and out are none, nor is the silence of a channel; a gate that shuts and opens
    abruptly looks the same as a dropout and is counted. Flat tops of clipping are left out.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._shortest = max(2, round(SHORTEST_SECONDS * rate))
        self._states = np.zeros((channels, 7), np.int64)

    def add(
        self,
        samples: NDArray[np.float32],
        windows: Windows,
        window: int,
        before: NDArray[np.float32],
        tops: NDArray[np.float64],
    ) -> None:
        """Take in some windows of `window` frames; `before` and `tops` as in `clipping.Clipping`."""
        _follow_all(samples, before, windows.powers, windows.still, window, self._shortest, tops, self._states)

    @property
    def runs(self) -> int:
        """Dropouts, of all channels."""
        return int(self._states[:, RUNS].sum())

    @property
    def frames(self) -> int:
        """Their length in frames, summed over the channels."""
        return int(self._states[:, FRAMES].sum())

"""One channel of a recording: all that is looked for in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from librarian.audio.resample import Resampler
from librarian_tagging import TonesSettings
from librarian_tagging.bursts import Burst
from librarian_tagging.cadence import Found, hung_up, information, keys, off_hook, progress
from librarian_tagging.clicks import Clicks
from librarian_tagging.keys import Keys
from librarian_tagging.lines import RATE
from librarian_tagging.plans import PLANS
from librarian_tagging.progress import ProgressTones
from librarian_tagging.quiet import Quiet

AFTER = np.zeros((1, RATE // 10), np.float32)
"""Silence behind the end, in which whatever sounds has ended."""


class Line:
    """Listens to a channel as it comes by.

    Args:
        rate: Hz.
        settings: what to find.
    """

    def __init__(self, rate: int, settings: TonesSettings) -> None:
        self._tones = PLANS[settings.plan]
        self._resampler = Resampler(rate, RATE, 1)
        self._progress, self._keys = ProgressTones(self._tones), Keys()
        self._quiet, self._clicks = Quiet(rate, settings.silence_level, settings.silence), Clicks(rate)
        self._bursts: list[Burst] = []
        self._pressed: list[Burst] = []
        self._others: list[Found] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take a block, `[frames]`."""
        self._hear(self._resampler.add(samples[np.newaxis]))
        self._others += (Found("silence", start, end, None) for start, end in self._quiet.add(samples))
        self._others += (Found("click", start, end, None) for start, end in self._clicks.add(samples))

    def end(self) -> list[Found]:
        """All that was found, by start."""
        self._hear(np.concatenate([self._resampler.end(), AFTER], axis=1))
        self._bursts += self._progress.end()
        self._pressed += self._keys.end()
        self._others += (Found("silence", start, end, None) for start, end in self._quiet.end())
        self._others += (Found("click", start, end, None) for start, end in self._clicks.end())
        return sorted([*self._line(), *self._others], key=lambda each: (each.start, each.end, each.label))

    def _hear(self, samples: NDArray[np.float32]) -> None:
        if samples.shape[1]:
            self._bursts += self._progress.add(samples[0])
            self._pressed += self._keys.add(samples[0])

    def _line(self) -> Iterator[Found]:
        dialled = list(keys(self._pressed))
        tones = (
            progress(tone, [burst for burst in self._bursts if burst.what == number], dialled)
            for number, tone in enumerate(self._tones)
        )
        signals = information(self._bursts, len(self._tones))
        found = chain(dialled, off_hook(self._pressed), signals, *tones)
        yield from hung_up(sorted(found, key=lambda each: (each.start, each.end)), self._quiet.moving, self._bursts)

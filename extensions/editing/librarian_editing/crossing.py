"""Parts one after another, with cross-fades or gaps between them, and where each of them is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from librarian_editing.sound import Samples, silence

STEPS = 1 << 15
"""Of 16 bits, from 0 to full scale."""


@dataclass(frozen=True)
class Place:
    """Where a part is heard, in frames: from the first of its fade-in until behind the last of its fade-out."""

    start: int
    end: int


class Chain:
    """Parts one after another; outside of the fades, their very samples.

    A fade is as long as it is asked for, but no longer than half of the part that comes, and than what is left of the
    part that goes.

    Args:
        channels: number of channels.
        fade: frames of a cross-fade.
        gap: frames of silence between parts.
        finish: what is done to the samples of each cross-fade.

    Attributes:
        places: of the parts that are through.
        straight: cross-fades that are straight.
    """

    def __init__(self, channels: int, fade: int, gap: int, finish: Callable[[Samples], Samples] = np.asarray) -> None:
        self._channels, self._fade, self._gap, self._finish = channels, fade, gap, finish
        self._kept = np.zeros((channels, 0), np.float32)
        self._at = self.straight = 0
        self.places: list[Place] = []

    def blocks(self, parts: Iterable[Iterable[Samples]]) -> Iterator[Samples]:
        """The whole.

        Shape:
            - parts: blocks `[channels, frames]` each
        """
        for number, part in enumerate(parts):
            for samples in self._following(iter(part), is_first=number == 0):
                self._at += samples.shape[1]
                yield samples
        yield self._kept

    def _following(self, part: Iterator[Samples], *, is_first: bool) -> Iterator[Samples]:
        """What one part adds; what the next one may fade across is kept."""
        if not is_first:
            yield from silence(self._gap, self._channels)
        head = self._taken(part, 2 * self._fade)
        length = min(self._kept.shape[1], self._fade, head.shape[1] // 2)
        yield self._kept[:, : self._kept.shape[1] - length]
        start = self._at
        yield self._crossed(self._kept[:, self._kept.shape[1] - length :], head[:, :length])
        waiting, held = deque([head[:, length:]]), head.shape[1] - length
        for samples in part:
            waiting.append(samples)
            held += samples.shape[1]
            while waiting and held - waiting[0].shape[1] >= self._fade:
                held -= waiting[0].shape[1]
                yield waiting.popleft()
        tail = np.concatenate(list(waiting), axis=1) if waiting else self._kept[:, :0]
        yield tail[:, : max(0, held - self._fade)]
        self._kept = tail[:, max(0, held - self._fade) :]
        self.places.append(Place(start, self._at + self._kept.shape[1]))

    def _taken(self, part: Iterator[Samples], frames: int) -> Samples:
        """At least so many frames of a part, or all of it."""
        taken = [np.zeros((self._channels, 0), np.float32)]
        missing = frames
        while missing > 0 and (samples := next(part, None)) is not None:
            taken.append(samples)
            missing -= samples.shape[1]
        return np.concatenate(taken, axis=1)

    def _crossed(self, going: Samples, coming: Samples) -> Samples:
        """A cross-fade of equal power: cos² + sin² = 1. Where that rises above full scale, a straight one."""
        share = (np.arange(going.shape[1]) + 0.5) / max(1, going.shape[1])
        angle = share * math.pi / 2.0
        crossed: Samples = (going * np.cos(angle) + coming * np.sin(angle)).astype(np.float32)
        if np.abs(crossed).max(initial=0.0) > 1.0:
            self.straight += 1
            crossed = (going * (1.0 - share) + coming * share).astype(np.float32)
        return self._finish(crossed)


class Rounding:
    """Rounds samples to 16 bits with triangular dither of ±1 step (Lipshitz, Wannamaker, Vanderkooy 1992).

    A file of 16 bits is dithered where samples do not fit it, and what stands near them too. With fades that fit,
    nothing beside them is touched.

    Args:
        seed: of the dither.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, samples: Samples) -> Samples:
        """The next samples, `[channels, frames]`."""
        dither = self._random.random(samples.shape) - self._random.random(samples.shape)
        return (np.clip(np.rint(samples * STEPS + dither), -STEPS, STEPS - 1) / STEPS).astype(np.float32)

"""How much of a sound has gone by, told for each hundredth, but not at a rate that nobody reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from librarian.media import Sampled

Block = TypeVar("Block", bound=Sampled)

PAUSE = 0.05
"""Seconds between two times at least: a minute of sound is done in less, and each costs a message between processes."""


class Progress:
    """Counts frames and tells how much is done.

    Args:
        tell: told the part that is done, 0 to 1: `task.progress`.
        frames: to be read in all, of all sounds and passes; an estimate will do.
    """

    def __init__(self, tell: Callable[[float], None], frames: int) -> None:
        self._tell, self._frames = tell, max(1, frames)
        self._read = self._said = 0
        self._said_at = time.monotonic()

    def add(self, frames: int) -> None:
        """So many more were read."""
        self._read += frames
        if self._read - self._said >= self._frames // 100 and self._is_time():
            self._said, self._said_at = self._read, time.monotonic()
            self._tell(min(1.0, self._read / self._frames))

    def _is_time(self) -> bool:
        return self._read >= self._frames or time.monotonic() - self._said_at >= PAUSE

    def of(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, counted once they have passed.

        Shape:
            - blocks: `[channels, frames]`
        """
        for samples in blocks:
            yield samples
            self.add(samples.shape[1])

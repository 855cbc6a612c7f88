"""How much of a sound has gone by, told about once for each hundredth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from librarian.media import Sampled

Block = TypeVar("Block", bound=Sampled)


class Progress:
    """Counts frames and tells how much is done.

    Args:
        tell: told the part that is done, 0 to 1: `task.progress`.
        frames: to be read in all, of all sounds and passes; an estimate will do.

    >>> import numpy as np
    >>> told = []
    >>> for block in Progress(told.append, 200).of(np.zeros((2, 50), np.float32) for _ in range(4)):
    ...     pass
    >>> told
    [0.25, 0.5, 0.75, 1.0]
    """

    def __init__(self, tell: Callable[[float], None], frames: int) -> None:
        self._tell, self._frames = tell, max(1, frames)
        self._read = self._said = 0

    def add(self, frames: int) -> None:
        """So many more were read."""
        self._read += frames
        if self._read - self._said >= self._frames // 100:
            self._said = self._read
            self._tell(min(1.0, self._read / self._frames))

    def of(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, counted once they have passed.

        Shape:
            - blocks: `[channels, frames]`
        """
        for samples in blocks:
            yield samples
            self.add(samples.shape[1])

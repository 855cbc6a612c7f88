"""The sound of a task: at one rate, each channel by itself or all as one, in blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from librarian import AudioStream, Task
from librarian.audio.downmix import matrix, mixed
from librarian.audio.resample import Resampler

Samples = NDArray[np.float32]


class Progress:
    """Tells how much is done, about once for each hundredth.

    Args:
        task: whom to tell.
        frames: to be read in all.
    """

    def __init__(self, task: Task, frames: int) -> None:
        self._task, self._frames = task, max(1, frames)
        self._read = self._told = 0

    def add(self, frames: int) -> None:
        """So many more were read."""
        self._read += frames
        if self._read - self._told >= self._frames // 100:
            self._told = self._read
            self._task.progress(min(1.0, self._read / self._frames))


def heard(task: Task, stream: AudioStream, *, mix: bool) -> Iterator[Samples]:
    """The sound in blocks, as it is or as one channel.

    Shape:
        - output: blocks `[channels or 1, frames]`
    """
    parts = _parts(stream.channels, stream.layout) if mix else None
    progress = Progress(task, stream.frames)
    for block in stream.blocks():
        yield block if parts is None else mixed(block, parts)
        progress.add(block.shape[1])


def resampled(blocks: Iterator[Samples], rate: int, to: int, channels: int) -> Iterator[Samples]:
    """The sound at another rate (Hz)."""
    resampler = Resampler(rate, to, channels)
    for block in blocks:
        yield resampler.add(block)
    yield resampler.end()


def _parts(channels: int, layout: str) -> Samples:
    try:
        return matrix(channels, layout, 1)
    except ValueError:  # nobody knows where the channels belong
        return np.full((1, channels), 1 / channels, np.float32)

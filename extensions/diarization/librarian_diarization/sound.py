"""The sound of a task as the methods hear it: at 16 kHz, in blocks, as often as they like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from librarian import Task
from librarian.audio.overlap import recut
from librarian.audio.resample import Resampler

RATE = 16000
"""Hz."""
BLOCK = 256 * 512
"""Frames that are worked on at once: 8 s."""

Samples = NDArray[np.float32]


class Sound:
    """The sound of a task's input `audio`.

    Args:
        task: the task; it is told how far the sound was read.
        passes: how often it will be read at the most.

    Attributes:
        task: the task.
        channels: number of channels.
        folder: on whose disk there is place for what is too much to be held.
        seconds: the length; that which the file states until it was read once.
    """

    def __init__(self, task: Task, passes: int) -> None:
        self.task, self._passes = task, passes
        self._passed = 0
        self.folder = task.folder
        with task.open_audio("audio") as stream:
            self.channels = stream.channels
            self.seconds = stream.frames / stream.sample_rate

    def blocks(self, *, mixed: bool) -> Iterator[Samples]:
        """The sound at 16 kHz in blocks of `BLOCK` frames, the last one shorter.

        Args:
            mixed: all channels as their mean, or each by itself.

        Shape:
            - output: blocks `[channels or 1, frames]`
        """
        with self.task.open_audio("audio") as stream:
            resampler = Resampler(stream.sample_rate, RATE, 1 if mixed else stream.channels)
            read = 0
            for block in recut(_resampled(self._told(stream.blocks(), stream.frames), resampler, mixed), BLOCK):
                read += block.shape[1]
                yield block
        self.seconds = read / RATE
        self._passed += 1

    def _told(self, blocks: Iterable[Samples], frames: int) -> Iterator[Samples]:
        read, told = 0, -1.0
        for block in blocks:
            yield block
            read += block.shape[1]
            done = min(1.0, (self._passed + min(1.0, read / max(1, frames))) / self._passes)
            if done - told >= 0.01:  # noqa: PLR2004
                told = done
                self.task.progress(done)


def _resampled(blocks: Iterable[Samples], resampler: Resampler, mixed: bool) -> Iterator[Samples]:
    for block in blocks:
        yield resampler.add(block.mean(axis=0, keepdims=True) if mixed else block)
    yield resampler.end()

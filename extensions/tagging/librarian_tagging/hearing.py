"""The sound of a task: at one rate, each channel by itself or all as one, in blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from librarian import AudioStream, Task
from librarian.audio.downmix import matrix, mixed
from librarian.audio.progress import Progress
from librarian.audio.resample import Resampler

Samples = NDArray[np.float32]


def heard(task: Task, stream: AudioStream, *, mix: bool) -> Iterator[Samples]:
    """The sound in blocks, as it is or as one channel.

    Shape:
        - output: blocks `[channels or 1, frames]`
    """
    parts = _parts(stream.channels, stream.layout) if mix else None
    for block in Progress(task.progress, stream.frames).of(stream.blocks()):
        yield block if parts is None else mixed(block, parts)


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

"""The sound of a task as models hear it: at 16 kHz, in blocks, cut into pieces as it comes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from librarian import Task
from librarian.audio.downmix import matrix, mixed
from librarian.audio.overlap import recut
from librarian.audio.resample import Resampler
from librarian_transcription.recognizer import RATE, Samples

BLOCK = 256 * 512
"""Frames that are worked on at once: 8 s."""


def blocks(task: Task, *, mix: bool) -> Iterator[Samples]:
    """The sound at 16 kHz in blocks of `BLOCK` frames, the last one shorter.

    Args:
        task: whose input `audio` it is.
        mix: all channels as one, or each by itself.

    Shape:
        - output: blocks `[channels or 1, frames]`
    """
    with task.open_audio("audio") as stream:
        parts = _parts(stream.channels, stream.layout) if mix else None
        resampler = Resampler(stream.sample_rate, RATE, 1 if mix else stream.channels)
        yield from recut(_resampled(stream.blocks(), resampler, parts), BLOCK)


def _parts(channels: int, layout: str) -> NDArray[np.float32]:
    try:
        return matrix(channels, layout, 1)
    except ValueError:  # nobody knows where the channels belong
        return np.full((1, channels), 1 / channels, np.float32)


def _resampled(given: Iterable[Samples], resampler: Resampler, parts: NDArray[np.float32] | None) -> Iterator[Samples]:
    for block in given:
        yield resampler.add(block if parts is None else mixed(block, parts))
    yield resampler.end()

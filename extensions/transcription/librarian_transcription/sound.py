"""The sound of a task as models hear it: at 16 kHz, in blocks, cut into pieces as it comes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

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


def cut(given: Iterable[Samples], spans: Iterable[tuple[int, int]]) -> Iterator[Samples]:
    """Parts of a sound, as they come by. They may overlap.

    Args:
        given: the sound in blocks.
        spans: first frame, and that behind the last, in the order of the first ones.

    Shape:
        - given: `[channels, frames]`
        - output: `[channels, frames of the span]`, less where the sound ends before it
    """
    coming = chain(given, [None])
    pending, offset = np.zeros((1, 0), np.float32), 0
    for start, end in spans:
        while offset + pending.shape[1] < end and (block := next(coming, None)) is not None:
            skipped = max(0, min(start - offset, pending.shape[1]))
            left = pending[:, skipped:]
            pending, offset = np.concatenate([left, block], axis=1) if left.size else block, offset + skipped
        yield pending[:, max(0, start - offset) : max(0, end - offset)]

"""Parts of a sound of any length, as it comes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def cut(blocks: Iterable[Samples], spans: Iterable[tuple[int, int]]) -> Iterator[Samples]:
    """Parts of a sound, as they come by. They may overlap.

    Args:
        blocks: the sound.
        spans: first frame, and that behind the last, in the order of the first ones.

    Shape:
        - blocks: `[channels, frames]`
        - output: `[channels, frames of the span]`, less where the sound ends before it
    """
    coming = chain(blocks, [None])
    pending, offset = np.zeros((1, 0), np.float32), 0
    for start, end in spans:
        while offset + pending.shape[1] < end and (block := next(coming, None)) is not None:
            skipped = max(0, min(start - offset, pending.shape[1]))
            left = pending[:, skipped:]
            pending, offset = np.concatenate([left, block], axis=1) if left.size else block, offset + skipped
        yield pending[:, max(0, start - offset) : max(0, end - offset)]

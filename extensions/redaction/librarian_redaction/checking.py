"""The sound that was written, read again and held against the input: nothing of it in a stretch, all of it outside."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from librarian.audio.overlap import recut
from librarian.media import Sampled, floats
from librarian_redaction.silencing import Instead
from librarian_redaction.stretches import Frames, Stretches

BLOCK = 1 << 16
"""Frames that are compared at once."""


class NotCleanError(RuntimeError):
    """What was written is not what it should be: nothing of it counts."""


def compare(
    source: Iterable[Sampled], made: Iterable[Sampled], stretches: Stretches, instead: Instead, step: float
) -> None:
    """Hold what was written against what it was made from.

    Args:
        source: the input, `[channels, frames]` each.
        made: what was written.
        stretches: where nothing of the input may be left.
        instead: what is to be there.
        step: of the file that was written; full scale is 1.

    Raises:
        NotCleanError: something else is in a stretch, a fade is louder than the input, a sample outside is another, or
            the length is.
    """
    offset = 0
    for before, after in zip_longest(recut(source, BLOCK), recut(made, BLOCK)):
        if before is None or after is None or before.shape != after.shape:
            raise NotCleanError("the sound has another length than before")
        one, other = floats(before), floats(after)
        outside = np.ones(one.shape[1], bool)
        for start, end in stretches.within(offset, offset + one.shape[1]):
            _check_inside(other, offset, (start, end), instead, step)
            for first, behind in ((start - stretches.fade, start), (end, end + stretches.fade)):
                _check_fade(one, other, _within(first, behind, offset, one.shape[1]), step)
            outside[_within(start - stretches.fade, end + stretches.fade, offset, one.shape[1])] = False
        if not np.array_equal(other[:, outside], one[:, outside]):
            raise NotCleanError("the sound was changed where it was to be left")
        offset += one.shape[1]


def _check_inside(other: NDArray[np.float32], offset: int, stretch: Frames, instead: Instead, step: float) -> None:
    inside = _within(*stretch, offset, other.shape[1])
    expected = instead.samples(stretch, offset + inside.start, offset + inside.stop)
    if np.abs(other[:, inside] - expected).max(initial=0.0) > (step if instead.frequency else 0.0):
        raise NotCleanError("something of the sound is left where it was to be taken")


def _check_fade(one: NDArray[np.float32], other: NDArray[np.float32], fade: slice, step: float) -> None:
    if (np.abs(other[:, fade]) > np.abs(one[:, fade]) + step).any():
        raise NotCleanError("a fade is louder than the sound")


def _within(start: int, end: int, offset: int, frames: int) -> slice:
    """The part of a block that lies between two frames of the sound."""
    first = min(max(0, start - offset), frames)
    return slice(first, max(first, min(end - offset, frames)))

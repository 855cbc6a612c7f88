"""What a reader says of a sound, and the blocks that it is read in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from librarian.errors import UnusableInputError
from librarian.media.info import AudioInfo

MAX_DECODED_BYTES = 4 << 30
"""A sound that is larger than this as float32 is not read as a whole."""
MOST_TIMES = 1536
"""One channel of a sound may be so many times larger than the file, where the sound is larger than the above. Hours of
digital silence are 1,200 times as large as their FLAC."""
BLOCK_BYTES = 1 << 19
"""What a block holds where nobody says otherwise: it stays in a core's cache from the decoder to the meter."""

Samples = NDArray[np.float32]
Sampled = Samples | NDArray[np.int16]
"""Samples, or the whole numbers of 16 bits that they are in the file: see `floats`."""

STEP = np.float32(2.0**-15)
"""Of 16 bits, where full scale is 1."""


class Sound(Protocol):
    """An open sound file, to be asked, and then read once."""

    info: AudioInfo

    def blocks(self, frames: int) -> Iterator[Sampled]:
        """All of it, `frames` at a time; what is wrong with it is raised where it shows, at the end at the latest."""


def usual_frames(channels: int) -> int:
    """Frames of a block where nobody says otherwise."""
    return max(1, BLOCK_BYTES // (4 * channels))


def floats(samples: Sampled) -> Samples:
    """Samples of −1…1, whichever form they came in.

    Shape:
        - samples: `[channels, frames]`
        - output: `[channels, frames]`, each channel in one piece
    """
    if samples.dtype == np.float32:
        return cast(Samples, samples)
    # Not by libsndfile, which takes three times as long.
    made = samples.astype(np.float32, order="C")
    made *= STEP
    return made


def check_size(frames: int, channels: int) -> None:
    """Refuse what would not fit into memory.

    Raises:
        UnusableInputError: it is larger than `MAX_DECODED_BYTES`.
    """
    if frames * channels * 4 > MAX_DECODED_BYTES:
        raise UnusableInputError("unsupported", f"larger than {MAX_DECODED_BYTES >> 30} GiB when decoded")


def check_ratio(frames: int, channels: int, file_bytes: int) -> None:
    """Refuse what would keep a reader busy for hours with a small file.

    Raises:
        UnusableInputError: it is larger than `MAX_DECODED_BYTES`, and a channel `MOST_TIMES` as large as the file.
    """
    if frames * channels * 4 > MAX_DECODED_BYTES and frames * 4 > MOST_TIMES * file_bytes:
        raise UnusableInputError("unsupported", f"over {MOST_TIMES:,} times as large as its file when decoded")


def finite(samples: Samples) -> Samples:
    """The samples, if they are all numbers.

    Raises:
        UnusableInputError: they are not.
    """
    if not np.isfinite(samples).all():
        raise UnusableInputError("corrupt", "holds samples that are NaN or infinite")
    return samples


def recut(parts: Iterable[Samples], frames: int) -> Iterator[Samples]:
    """The same sound in blocks of so many frames; the last one is what is left."""
    block, filled = np.empty((0, 0), np.float32), 0
    for part in parts:
        at = 0
        while at < part.shape[1]:
            if not filled:
                block = np.empty((len(part), frames), np.float32)
            fits = min(frames - filled, part.shape[1] - at)
            block[:, filled : filled + fits] = part[:, at : at + fits]
            at, filled = at + fits, filled + fits
            if filled == frames:
                yield block
                filled = 0
    if filled:
        yield block[:, :filled].copy()


def gathered(blocks: Iterable[Samples], channels: int) -> Samples:
    """The blocks as one array; each goes as it is copied, so that a sound lies in memory once.

    Raises:
        UnusableInputError: together they are larger than `MAX_DECODED_BYTES`.
    """
    held, frames = [], 0
    for block in blocks:
        frames += block.shape[1]
        check_size(frames, channels)
        held.append(block)
    samples = np.empty((channels, frames), np.float32)
    at = 0
    for index, block in enumerate(held):
        samples[:, at : at + block.shape[1]] = block
        at += block.shape[1]
        held[index] = samples[:, :0]
    return samples

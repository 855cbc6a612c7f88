"""What a reader says of a sound, and how its pieces become one array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from librarian.errors import UnusableInputError

MAX_DECODED_BYTES = 4 << 30
"""A sound that is larger than this as float32 is not read as a whole."""
BLOCK_BYTES = 4 << 20

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds.

    Attributes:
        container: the file's format, `wav`, `mp4` …
        codec: how the samples lie in it, `pcm_16`, `aac` …
        sample_rate: of the decoded sound (Hz).
        channels: of the decoded sound.
        frames: the length; what `read_audio` gives or refuses, where `frames_exact`.
        frames_exact: whether the container states the length to the frame. Otherwise `frames` is an estimate, and
            only reading the sound whole tells its length.
        layout: the order of the channels, `mono`, `stereo`, `5.1` …; `mono` and `stereo` by their
            number, others empty, where the file does not say.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    frames: int
    frames_exact: bool
    layout: str


def usual_layout(channels: int) -> str:
    """The order of channels where a file does not say it."""
    return {1: "mono", 2: "stereo"}.get(channels, "")


class Sound(Protocol):
    """An open sound file, to be asked or read once."""

    def info(self) -> AudioInfo:
        """What the file says of itself."""

    def read(self) -> tuple[Samples, int]:
        """All of it, and its sample rate (Hz)."""


def check_size(frames: int, channels: int) -> None:
    """Refuse what would not fit into memory.

    Raises:
        UnusableInputError: it is larger than `MAX_DECODED_BYTES`.
    """
    if frames * channels * 4 > MAX_DECODED_BYTES:
        raise UnusableInputError("unsupported", f"larger than {MAX_DECODED_BYTES >> 30} GiB when decoded")


def gathered(parts: Iterable[Samples]) -> list[Samples]:
    """The parts of a sound, `[channels, frames]` each, in blocks of some MiB.

    Raises:
        UnusableInputError: together they are larger than `MAX_DECODED_BYTES`.
    """
    blocks: list[Samples] = []
    small: list[Samples] = []
    frames = waiting = 0
    for part in parts:
        frames += part.shape[1]
        check_size(frames, len(part))
        small.append(part)
        waiting += part.nbytes
        if waiting >= BLOCK_BYTES:
            blocks.append(np.concatenate(small, axis=1))
            small, waiting = [], 0
    return blocks + small


def joined(blocks: list[Samples], channels: int, frames: int) -> Samples:
    """The first frames of all blocks as one array; the list is emptied, so that a sound lies in memory once."""
    samples = np.empty((channels, frames), np.float32)
    at = 0
    for index, block in enumerate(blocks):
        fits = min(block.shape[1], frames - at)
        samples[:, at : at + fits] = block[:, :fits]
        at += fits
        blocks[index] = samples[:, :0]
    return samples

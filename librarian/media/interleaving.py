"""Frames as files hold them, sample beside sample, and channels as everything else wants them; compiled.

Of two channels, the common case, each loop has its strides written out: only so do compilers make vectors of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel


def scaled(whole: NDArray[np.int16], factor: np.float32, out: NDArray[np.float32]) -> None:
    """Whole numbers times a factor.

    A power of two in the factor changes no bit: with `sound.STEP` in it, these are the floats of −1…1 times the rest.

    Shape:
        - whole: `[channels, frames]`, a view of `[frames, channels]`
        - out: `[channels, frames]`, each channel in one piece
    """
    frames = np.ascontiguousarray(whole.T).reshape(-1)
    if len(out) == 2:  # noqa: PLR2004
        _scaled_pair(frames, factor, out[0], out[1])
        return
    for channel, row in enumerate(out):
        _scaled_channel(frames, channel, len(out), factor, row)


@kernel
def _scaled_pair(
    frames: NDArray[np.int16], factor: np.float32, left: NDArray[np.float32], right: NDArray[np.float32]
) -> None:
    for i in range(left.size):
        left[i] = np.float32(frames[2 * i]) * factor
        right[i] = np.float32(frames[2 * i + 1]) * factor


@kernel
def _scaled_channel(
    frames: NDArray[np.int16], channel: int, channels: int, factor: np.float32, out: NDArray[np.float32]
) -> None:
    for i in range(out.size):
        out[i] = np.float32(frames[i * channels + channel]) * factor


@kernel
def interleaved(channels: NDArray[Any], out: NDArray[Any]) -> None:
    """Samples of the same moment beside each other.

    Shape:
        - channels: `[channels, frames]`
        - out: `[channels * frames]`
    """
    if channels.shape[0] == 2:  # noqa: PLR2004
        left, right = channels[0], channels[1]
        for i in range(left.size):
            out[2 * i] = left[i]
            out[2 * i + 1] = right[i]
        return
    for channel in range(channels.shape[0]):
        for i in range(channels.shape[1]):
            out[i * channels.shape[0] + channel] = channels[channel, i]

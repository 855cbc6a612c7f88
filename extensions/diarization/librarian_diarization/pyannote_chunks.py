"""A sound as the overlapping chunks that a network is applied to, cut from a stream and never held whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian.audio.downmix import matrix, mixed
from librarian.audio.resample import Resampler

if TYPE_CHECKING:
    from librarian import AudioStream


def mono(sound: AudioStream, rate: int) -> Iterator[NDArray[np.float32]]:
    """The sound in one channel at another rate, in blocks of any length.

    Two channels become their mean, more of a known layout what ITU-R BS.775 makes of them, others their mean.

    Args:
        sound: is read from its beginning to its end.
        rate: Hz.

    Shape:
        - output: `[frames]` each
    """
    parts = _parts(sound)
    resampler = Resampler(sound.sample_rate, rate, 1)
    for block in sound.blocks():
        yield resampler.add(mixed(block, parts))[0]
    yield resampler.end()[0]


def _parts(sound: AudioStream) -> NDArray[np.float32]:
    try:
        return matrix(sound.channels, sound.layout, 1)
    except ValueError:  # nobody says where its channels belong
        return np.full((1, sound.channels), 1 / sound.channels, np.float32)


class Chunks:
    """Cuts a sound into chunks of one length, each a step after the one before.

    Where the sound goes on behind the last whole one, or is shorter than one, what is left is filled up with zeros.

    Args:
        blocks: `[frames]` each, one after the other.
        window: frames of a chunk.
        step: frames from the beginning of one to that of the next, at most `window`.

    Attributes:
        frames: of the sound, so far.
    """

    def __init__(self, blocks: Iterable[NDArray[np.float32]], window: int, step: int) -> None:
        self._blocks, self._window, self._step = blocks, window, step
        self.frames = 0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """All of them.

        Shape:
            - output: `[window]`, a view
        """
        window, step = self._window, self._step
        held = np.zeros(0, np.float32)
        for block in self._blocks:
            self.frames += len(block)
            held = np.concatenate([held, block])
            while len(held) >= window:
                yield held[:window]
                held = held[step:]
        if len(held) and (self.frames < window or len(held) > window - step):
            yield np.pad(held, (0, window - len(held)))

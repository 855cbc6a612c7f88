"""A sound as a stream of blocks, decoded in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from librarian.errors import UnusableInputError
from librarian.media.sound import Sampled, Samples, Sound, check_ratio, floats, usual_frames

Block = TypeVar("Block", bound=Sampled)
_BITS = {
    **dict.fromkeys(("pcm_16", "pcm_s8", "pcm_u8", "ulaw", "alaw"), 16),
    "pcm_24": 24,
    **dict.fromkeys(("pcm_32", "float", "double"), 32),
}
"""Codec → bits, of those that libsndfile decodes without loss."""


class AudioStream:
    """A sound that is read once, from its beginning to its end.

    Args:
        sound: what reads it.
        file_bytes: size of its file.

    Attributes:
        info: what the file says of itself.
        sample_rate: Hz.
        channels: number of channels.
        layout: the order of the channels, `mono`, `stereo`, `5.1` …; empty where nobody knows it.
        frames: the length; an estimate unless `frames_exact`.
        frames_exact: whether the blocks hold so many frames together, or an error is raised.
        bits: a file of so many holds its samples exactly: 16, 24, or 32 (float); 0 where nobody knows.
        seconds: time that the reader of the blocks waited for them.
    """

    def __init__(self, sound: Sound, file_bytes: int) -> None:
        self.info = info = sound.info
        self._file_bytes = file_bytes
        self.sample_rate, self.channels, self.layout = info.sample_rate, info.channels, info.layout
        self.frames, self.frames_exact = info.frames, info.frames_exact
        self.bits = _BITS.get(info.codec, 0)
        self.seconds = 0.0
        self._sound: Sound | None = sound
        self._ahead: Generator[Sampled] | None = None

    def blocks(self, frames: int | None = None) -> Iterator[Samples]:
        """The sound, block after block; every one but the last has as many frames as the first. Once only.

        They are `sampled_blocks` as floats.

        Args:
            frames: of a block; without it, what makes half a MiB.

        Shape:
            `[channels, ≤ frames]`, C-contiguous; each block is an array of its own.

        Raises:
            UnusableInputError: it is damaged, cut short, holds no frame, NaN or infinities, or is far too large for
                its file. It can be the last block after which that shows.
            ValueError: its blocks were asked for before.
        """
        return self._timed(self._begun(frames, floats))

    def sampled_blocks(self, frames: int | None = None) -> Iterator[Sampled]:
        """The same in the form that takes the least work: int16 where the file holds whole numbers of up to 16 bits.

        Args:
            frames: of a block; without it, what makes half a MiB of int16.

        Shape:
            `[channels, ≤ frames]`; int16 as a view of `[frames, channels]`, as it lies in the file.
        """
        return self._timed(self._begun(frames or 2 * usual_frames(self.channels), lambda samples: samples))

    def _begun(self, frames: int | None, form: Callable[[Sampled], Block]) -> Iterator[Block]:
        if self._sound is None:
            raise ValueError("a stream is read once; open the sound again")
        sound, self._sound = self._sound, None
        frames = frames or usual_frames(self.channels)
        self._ahead = ahead = _ahead(map(form, sound.blocks(frames)), frames)
        return ahead

    def _timed(self, blocks: Iterator[Block]) -> Iterator[Block]:
        frames = 0
        while True:
            began = time.perf_counter()
            try:
                block = next(blocks, None)
            finally:
                self.seconds += time.perf_counter() - began
            if block is None:
                break
            frames += block.shape[1]
            check_ratio(frames, self.channels, self._file_bytes)
            yield block
        if not frames:
            raise UnusableInputError("corrupt", "holds no frame of sound")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sound = None
        if self._ahead is not None:
            self._ahead.close()


def _ahead(blocks: Iterator[Block], frames: int) -> Generator[Block]:
    """The same blocks, the next one decoded by a thread while one is worked on: the decoders release the GIL."""
    first = next(blocks, None)
    if first is None:
        return
    yield first
    if first.shape[1] < frames:  # a short sound is worth no thread
        yield from blocks
        return
    with ThreadPoolExecutor(1, "decode") as thread:
        coming = thread.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = thread.submit(next, blocks, None)
            yield block

"""Sounds on their way into another: at one rate, in one or two channels, and under full scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from librarian import Artifact, AudioStream, Task, UnusableInputError
from librarian.audio.downmix import matrix, mixed
from librarian.audio.overlap import recut
from librarian.audio.peak import amplitude, decibels, sample_peak
from librarian.audio.progress import Progress
from librarian.audio.resample import Resampler

STEREO, FLOAT = 2, 32
WHOLE = (16, 24)
"""Bits of files whose samples do not rise above full scale."""
DECIMALS = 4
"""Of gains and levels (dB)."""
AT_ONCE = 1 << 16
"""Frames of several sounds that are looked at together."""
_PARTS = 1000
"""Of a Hz: what rates are counted in where a clock is off."""

Samples = NDArray[np.float32]


class Source:
    """A sound that goes into another.

    Args:
        task: the task.
        artifact: the sound.

    Attributes:
        rate: Hz.
        channels: number of channels.
        frames: the length, an estimate unless `frames_exact`.
        frames_exact: whether it is known.
        bits: a file of so many holds its samples exactly; 0 where nobody knows.
    """

    def __init__(self, task: Task, artifact: Artifact) -> None:
        self._task, self._artifact = task, artifact
        with task.open_audio(artifact) as sound:
            self.rate, self.channels, self._layout = sound.sample_rate, sound.channels, sound.layout
            self.frames, self.frames_exact, self.bits = sound.frames, sound.frames_exact, sound.bits

    def fits(self, rate: int) -> bool:
        """Whether its samples go on as they are, and none of them lies above full scale."""
        return self.rate == rate and self.channels <= STEREO and self.bits in WHOLE

    def blocks(
        self, rate: int, channels: int, progress: Progress | None = None, slower: float = 0.0
    ) -> Iterator[Samples]:
        """The sound from its beginning.

        Args:
            rate: Hz, of what comes out.
            channels: 1 or 2, of what comes out.
            progress: told what is read.
            slower: by how much its clock is slower than it says (0.00005: by 50 ppm), so that it comes out longer.

        Raises:
            UnusableInputError: `unsupported` where nobody knows where its channels belong.
        """
        with self._task.open_audio(self._artifact) as sound:
            parts = None if channels == sound.channels else self._matrix(channels)
            resampler = _resampler(sound, rate, channels, slower)
            for samples in progress.of(sound.blocks()) if progress else sound.blocks():
                yield resampler.add(samples if parts is None else mixed(samples, parts))
            yield resampler.end()

    def _matrix(self, channels: int) -> Samples:
        try:
            return matrix(self.channels, self._layout, channels)
        except ValueError as error:
            raise UnusableInputError("unsupported", str(error)) from None


def _resampler(sound: AudioStream, rate: int, channels: int, slower: float) -> Resampler:
    if not slower:
        return Resampler(sound.sample_rate, rate, channels)
    return Resampler(round(sound.sample_rate * _PARTS / (1.0 + slower)), rate * _PARTS, channels)


def silence(frames: int, channels: int) -> Iterator[Samples]:
    """So many frames of nothing.

    Shape:
        - output: blocks `[channels, frames]`
    """
    for start in range(0, frames, AT_ONCE):
        yield np.zeros((channels, min(AT_ONCE, frames - start)), np.float32)


def later(blocks: Iterable[Samples], frames: int, channels: int) -> Iterator[Samples]:
    """The sound after so many frames of silence."""
    return chain(silence(frames, channels), blocks)


def side_by_side(sounds: Sequence[Iterable[Samples]]) -> Iterator[list[Samples | None]]:
    """Blocks of several sounds at the same time, as long as any of them lasts.

    Shape:
        - output: `[channels, frames]` each, None of those that have ended
    """
    cut = [recut(sound, AT_ONCE) for sound in sounds]
    while True:
        found = [next(each, None) for each in cut]
        frames = max((block.shape[1] for block in found if block is not None), default=0)
        if not frames:
            return
        yield [block if block is None else _padded(block, frames) for block in found]


def _padded(block: Samples, frames: int) -> Samples:
    return np.pad(block, ((0, 0), (0, frames - block.shape[1]))) if block.shape[1] < frames else block


def gain_for(peak: float) -> float:
    """The gain (dB, 0 or less, rounded down) with which a peak does not rise above full scale."""
    return min(0.0, math.floor(-decibels(peak) * 10**DECIMALS) / 10**DECIMALS) if peak else 0.0


def written(
    task: Task, rate: int, channels: int, made: Callable[[], Iterable[Samples]], *, fits: bool
) -> tuple[Path, float]:
    """Write the output `audio`, turned down as a whole by as much as it would rise above full scale.

    Args:
        task: the task.
        rate: Hz.
        channels: number of channels.
        made: makes the sound, anew each time.
        fits: whether it is known not to rise above full scale.

    Returns:
        Where it lies, and its gain (dB); 0 where it is written as float, which holds everything.
    """
    known = fits or task.bits == FLOAT
    gain = 0.0 if known else gain_for(max((sample_peak(samples) for samples in made()), default=0.0))
    with task.create_audio("audio", rate, channels) as writer:
        for samples in made():
            writer.write(samples, amplitude(gain))
    return writer.path, gain

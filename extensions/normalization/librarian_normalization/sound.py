"""A sound that is read more than once, and what is done to it on its way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian import Artifact, Task
from librarian.audio.filters import HighPass
from librarian.audio.limiter import Limiter
from librarian.audio.peak import amplitude
from librarian.audio.progress import Progress
from librarian.media import Sampled, floats

if TYPE_CHECKING:
    from librarian_normalization import NormalizeSettings

MOST_KEPT = 32 << 20
"""Bytes. What is shorter when decoded is decoded once; what is longer, each time it is read."""

Samples = NDArray[np.float32]


class Source:
    """The sound of an input.

    Args:
        task: the task.
        port: the input.

    Attributes:
        rate: Hz.
        channels: number of channels.
        layout: their order; empty where it is not said.
        frames: the length, an estimate for some formats.
    """

    def __init__(self, task: Task, port: str | Artifact) -> None:
        self._task, self._port = task, port
        with task.open_audio(port) as sound:
            self.rate, self.channels, self.layout = sound.sample_rate, sound.channels, sound.layout
            self.frames = sound.frames
        self._kept: list[Sampled] | None = None

    @property
    def places(self) -> str:
        """The layout as it is written: of one or two channels the usual one, for files know no other."""
        return self.layout if self.channels > 2 else ""  # noqa: PLR2004

    def blocks(self, progress: Progress) -> Iterator[Sampled]:
        """The sound from its beginning; not to be changed in place."""
        if self._kept is None:
            yield from self._decoded(progress)
            return
        for samples in self._kept:
            yield samples
            progress.add(samples.shape[1])

    def _decoded(self, progress: Progress) -> Iterator[Sampled]:
        kept: list[Sampled] | None = []
        size = 0
        with self._task.open_audio(self._port) as sound:
            for samples in sound.sampled_blocks():
                size += samples.nbytes
                if size > MOST_KEPT:
                    kept = None
                if kept is not None:
                    kept.append(samples)
                yield samples
                progress.add(samples.shape[1])
        self._kept = kept


def cleaned(
    blocks: Iterable[Sampled], source: Source, settings: NormalizeSettings, offset: Samples
) -> Iterable[Sampled]:
    """The blocks without direct current and without what is too low, where that is asked for.

    Args:
        blocks: `[channels, frames]` each.
        source: where they come from.
        settings: what is asked for.
        offset: what to take off, `[channels, 1]`.
    """
    if settings.remove_dc:
        blocks = (floats(samples) - offset for samples in blocks)
    if settings.high_pass:
        blocks = map(HighPass(source.rate, source.channels, settings.high_pass).add, map(floats, blocks))
    return blocks


def amplified(blocks: Iterable[Sampled], gain: float) -> Iterator[Samples]:
    """The blocks with a gain (dB)."""
    factor = np.float32(amplitude(gain))
    return (floats(samples) * factor for samples in blocks)


def limited(blocks: Iterable[Samples], limiter: Limiter) -> Iterator[Samples]:
    """The blocks under a limiter's ceiling."""
    for samples in blocks:
        yield limiter.add(samples)
    yield limiter.end()

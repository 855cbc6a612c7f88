"""The operation `clip`: what each speaker says, turn by turn, cut from a sound of any rate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian import AudioStream, AudioWriter, Output, Task, Turn, Turns, UnusableInputError
from librarian.audio.cutting import Cutter
from librarian_diarization import ClipSettings
from librarian_diarization.found import alone, merged

BEYOND = 0.5
"""Seconds by which turns may go on after the sound: encoders and resamplers add and cut off as much."""


@dataclass(frozen=True)
class Clip:
    """What to cut out.

    Attributes:
        turn: what it is of.
        start: its first frame.
        end: the frame behind its last.
    """

    turn: Turn
    start: int
    end: int


def clip(task: Task) -> Mapping[str, Sequence[Output]]:
    """Cut a clip for each turn.

    Raises:
        UnusableInputError: `unsupported` where turns go on long after the sound.
    """
    settings: ClipSettings = task.settings
    turns = task.inputs["turns"].read_data(Turns).turns
    with task.open_audio("audio") as sound:
        clips, frames = Clips(task, sound), 0
        with Cutter(clips.begin, clips_of(turns, settings, sound.sample_rate)) as cutter:
            for samples in sound.blocks():
                cutter.add(samples)
                frames += samples.shape[1]
            left = cutter.end()
        if any(each.turn.end > frames / sound.sample_rate + BEYOND for each in left):
            raise UnusableInputError("unsupported", "the turns go on after the sound has ended: of another recording?")
    return {"clips": clips.made}


def clips_of(turns: Sequence[Turn], settings: ClipSettings, rate: int) -> list[Clip]:
    """What to cut out, by where it starts.

    Args:
        turns: by start.
        settings: which of them, and what around them.
        rate: Hz, of the sound.
    """
    joined = merged(turns, settings.gap)
    apart = alone(joined) if settings.overlap == "drop" else joined
    starts, ends = sorted(turn.start for turn in joined), sorted(turn.end for turn in joined)
    clips = []
    for turn in (turn for turn in apart if turn.end - turn.start >= settings.minimum):
        start, end = max(0.0, turn.start - settings.padding), turn.end + settings.padding
        if settings.overlap == "drop":  # what is added is nobody else's either
            start = max([start, *ends[: bisect_right(ends, turn.start)][-1:]])
            end = min([end, *starts[bisect_left(starts, turn.end) :][:1]])
        clips.append(Clip(turn, round(start * rate), round(end * rate)))
    return sorted(clips, key=lambda each: (each.start, each.end, each.turn.speaker))


class Clips:
    """The files of the clips.

    Args:
        task: the task.
        sound: what they are cut from.

    Attributes:
        made: the clips that were begun.
    """

    def __init__(self, task: Task, sound: AudioStream) -> None:
        self._task, self._sound = task, sound
        self._own = task.settings.channels == "own"
        self.made: list[Output] = []

    @contextmanager
    def begin(self, clip: Clip) -> Iterator[Chosen]:
        """The file of a clip, which takes the channel that is wanted."""
        channel = self._channel(clip)
        channels = self._sound.channels if channel is None else 1
        layout = self._sound.layout if channels > 2 else ""  # noqa: PLR2004
        with self._task.create_audio("clips", self._sound.sample_rate, channels, layout) as writer:
            start = round(clip.start / self._sound.sample_rate, 6)
            facts = {"speaker": clip.turn.speaker, "start": start, "confidence": clip.turn.confidence}
            self.made.append(Output(writer.path, facts))
            yield Chosen(writer, channel)

    def _channel(self, clip: Clip) -> int | None:
        channel = clip.turn.channel
        return channel if self._own and channel is not None and channel < self._sound.channels else None


@dataclass(frozen=True)
class Chosen:
    """A file that is given a channel of what comes; None for all."""

    writer: AudioWriter
    channel: int | None

    def write(self, samples: NDArray[np.float32]) -> None:
        """Take what comes next, `[channels, frames]`."""
        self.writer.write(samples if self.channel is None else samples[self.channel : self.channel + 1])

"""The operation `clip`: what each speaker says, turn by turn, cut from a sound of any rate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian import AudioStream, AudioWriter, Output, Task, Turn, Turns, UnusableInputError
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
    """Cut a clip for each turn."""
    settings: ClipSettings = task.settings
    turns = task.inputs["turns"].read_data(Turns).turns
    with task.open_audio("audio") as sound, ExitStack() as stack:
        clips = clips_of(turns, settings, sound.sample_rate)
        cutter = Cutter(task, sound, clips, settings.channels == "own", stack)
        for samples in sound.blocks():
            cutter.add(samples)
        cutter.end()
    return {"clips": cutter.made}


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


class Cutter:
    """Writes clips while the sound goes by.

    Args:
        task: the task.
        sound: what they are cut from.
        clips: by where they start.
        own: whether only the channel of a speaker is wanted, where a turn names it.
        stack: closes what is open, also where something fails.
    """

    def __init__(self, task: Task, sound: AudioStream, clips: Sequence[Clip], own: bool, stack: ExitStack) -> None:
        self._task, self._sound, self._own, self._stack = task, sound, own, stack
        self._coming = deque(clips)
        self._open: list[tuple[Clip, AudioWriter, ExitStack]] = []
        self._offset = 0
        self.made: list[Output] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take the next block, `[channels, frames]`."""
        behind = self._offset + samples.shape[1]
        while self._coming and self._coming[0].start < behind:
            self._begin(self._coming.popleft())
        for clip, writer, _ in self._open:
            part = samples[:, max(0, clip.start - self._offset) : max(0, clip.end - self._offset)]
            channel = self._channel(clip)
            writer.write(part if channel is None else part[channel : channel + 1])
        for _, _, closing in (each for each in self._open if each[0].end <= behind):
            closing.close()
        self._open = [each for each in self._open if each[0].end > behind]
        self._offset = behind

    def end(self) -> None:
        """Close what the end of the sound has cut short.

        Raises:
            UnusableInputError: `unsupported` where turns go on long after it.
        """
        rate = self._sound.sample_rate
        left = [clip for clip, _, _ in self._open] + list(self._coming)
        if any(clip.turn.end > self._offset / rate + BEYOND for clip in left):
            raise UnusableInputError("unsupported", "the turns go on after the sound has ended: of another recording?")
        for _, _, closing in self._open:
            closing.close()

    def _begin(self, clip: Clip) -> None:
        closing = self._stack.enter_context(ExitStack())
        channels = self._sound.channels if self._channel(clip) is None else 1
        layout = self._sound.layout if channels > 2 else ""  # noqa: PLR2004
        writer = closing.enter_context(self._task.create_audio("clips", self._sound.sample_rate, channels, layout))
        self._open.append((clip, writer, closing))
        start = round(clip.start / self._sound.sample_rate, 6)
        facts = {"speaker": clip.turn.speaker, "start": start, "confidence": clip.turn.confidence}
        self.made.append(Output(writer.path, facts))

    def _channel(self, clip: Clip) -> int | None:
        channel = clip.turn.channel
        return channel if self._own and channel is not None and channel < self._sound.channels else None

"""The operation `cut`: a long recording in pieces, in one pass and in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from librarian import AudioStream, AudioWriter, Events, Output, Task, UnusableInputError
from librarian.audio.cutting import Cutter
from librarian.audio.progress import Progress
from librarian.media import Sampled, floats
from librarian_editing.finding import Finder, Fixed, Known, Piece, Silences, of_events, of_list
from librarian_editing.settings import CutSettings
from librarian_editing.sound import FLOAT, WHOLE

BEYOND = 0.5
"""Seconds by which a list may go on after the sound: encoders and resamplers add and cut off as much."""
MOST_OPEN = 64
"""Pieces that are written at the same time."""


def cut(task: Task) -> Mapping[str, Sequence[Output]]:
    """The operation `cut`.

    Raises:
        UnusableInputError: `unsupported` where the events or times are of another recording, or overlap too often.
    """
    settings: CutSettings = task.settings
    with task.open_audio("audio") as sound:
        finder = _finder(task, sound.sample_rate)
        pieces = Pieces(task, sound)
        with Cutter(pieces.begin) as cutter:
            for samples in behind(
                Progress(task.progress, sound.frames).of(sound.sampled_blocks()), finder, cutter, pieces
            ):
                cutter.add(samples)
            left = cutter.end()
        rate, frames = sound.sample_rate, pieces.frames
    if isinstance(finder, Known) and any(_furthest(piece) > frames + BEYOND * rate for piece in left):
        raise UnusableInputError("unsupported", f"the {settings.by} go on after the sound: of another recording?")
    return {"pieces": pieces.kept(round(settings.minimum * rate))}


def _furthest(piece: Piece) -> int:
    return piece.first if piece.last is None else piece.last


def _finder(task: Task, rate: int) -> Finder:
    settings: CutSettings = task.settings
    if settings.by == "silence":
        return Silences(settings, rate)
    if settings.by == "length":
        return Fixed(settings, rate)
    if settings.by == "cues":
        return Known(of_list(settings.listed), settings, rate)
    return Known(of_events(task.inputs["events"].read_data(Events).events, settings), settings, rate)


def behind(blocks: Iterator[Sampled], finder: Finder, cutter: Cutter[Piece], pieces: Pieces) -> Iterator[Sampled]:
    """The blocks of a sound, held back until it is known where the pieces in them start and end."""
    waiting: deque[Sampled] = deque()
    held = 0
    for samples in blocks:
        for piece in finder.hear(samples):
            cutter.plan(piece)
        pieces.frames += samples.shape[1]
        waiting.append(samples)
        held += samples.shape[1]
        while waiting and held - waiting[0].shape[1] >= finder.delay:
            held -= waiting[0].shape[1]
            yield waiting.popleft()
    for piece in finder.end():
        cutter.plan(piece)
    yield from waiting


class Pieces:
    """The files of the pieces.

    Args:
        task: the task.
        sound: what they are cut from.

    Attributes:
        frames: of the sound, as far as it was heard.
    """

    def __init__(self, task: Task, sound: AudioStream) -> None:
        self._task, self._sound = task, sound
        self._may_clip = sound.bits not in WHOLE and task.bits != FLOAT
        self._layout = sound.layout if sound.channels > 2 else ""  # noqa: PLR2004
        self._made: list[Piece] = []
        self._open = 0
        self.frames = 0

    @contextmanager
    def begin(self, piece: Piece) -> Iterator[AudioWriter | Held]:
        """The file of a piece."""
        self._open += 1
        if self._open > MOST_OPEN:
            raise UnusableInputError("unsupported", f"more than {MOST_OPEN} pieces overlap; take less padding")
        rate, channels = self._sound.sample_rate, self._sound.channels
        with self._task.create_audio("pieces", rate, channels, self._layout) as writer:
            piece.path = writer.path
            self._made.append(piece)
            yield Held(writer, piece) if self._may_clip else writer
        self._open -= 1

    def kept(self, minimum: int) -> list[Output]:
        """The pieces that are long enough, by where they start; the others are deleted."""
        kept = []
        for piece in self._made:
            if self._until(piece) - piece.first < minimum:
                piece.path.unlink()
            else:
                kept.append(Output(piece.path, self._facts(piece)))
        return kept

    def _until(self, piece: Piece) -> int:
        return self.frames if piece.last is None else min(piece.last, self.frames)

    def _facts(self, piece: Piece) -> dict[str, float | bool | str | None]:
        rate = self._sound.sample_rate
        end = self.frames if piece.end is None else min(piece.end, self.frames)
        return {
            "start": round(piece.start / rate, 6),
            "end": round(end / rate, 6),
            "open_end": piece.last is None or piece.last > self.frames,
            "clipped": piece.clipped,
        }


@dataclass(frozen=True)
class Held:
    """A file that is given samples no higher than full scale."""

    writer: AudioWriter
    piece: Piece

    def write(self, samples: Sampled) -> None:
        """Take what comes next, `[channels, frames]`."""
        held = floats(samples)
        self.piece.clipped += int((np.abs(held) > 1.0).sum())
        self.writer.write(np.clip(held, -1.0, 1.0))

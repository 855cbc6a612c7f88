"""The first pass over a sound: where anybody speaks, and the pieces that go to a model. Silence does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from librarian import Task
from librarian.audio.silero import WINDOW, Listener, Silero, one_thread
from librarian.audio.vad import Stretch, Thresholds, speech
from librarian_transcription.channels import Values, have_their_own, without_cross_talk
from librarian_transcription.recognizer import RATE, Traits
from librarian_transcription.sound import blocks

PAIR = 2
"""Channels of a call."""
PAUSE, PAD = 0.3, 0.2
"""Seconds: what is shorter belongs to the speech around it; what is added to it on both sides."""


@dataclass(frozen=True)
class Piece:
    """A stretch of sound that goes to a model at once.

    Attributes:
        start: its first frame at 16 kHz.
        end: that behind the last.
        channel: its channel; None: all of them as one.
    """

    start: int
    end: int
    channel: int | None = None


@dataclass(frozen=True)
class Heard:
    """What the first pass found.

    Attributes:
        pieces: by their starts.
        frames: of the sound, at 16 kHz.
        speech: frames in which anybody speaks.
        apart: whether each channel goes by itself.
    """

    pieces: tuple[Piece, ...]
    frames: int
    speech: int
    apart: bool


def hear(task: Task, channels: int, traits: Traits, *, apart: bool | None) -> Heard:
    """Listen to a sound once.

    Args:
        task: whose input `audio` it is.
        channels: how many it has.
        traits: of the model that will get the pieces.
        apart: whether each channel goes by itself; None: where each of two has a voice of its own.
    """
    separate = channels > 1 and (apart or (apart is None and channels == PAIR))
    probabilities, power, frames = _listen(task, channels if separate else 1, mix=not separate)
    if separate and (apart or have_their_own(probabilities, power)):
        rows = list(enumerate(without_cross_talk(probabilities, power)))
    else:
        rows, separate = [(-1, probabilities.max(axis=0))], False
    pieces: list[Piece] = []
    spoken = 0
    for channel, row in rows:
        stretches = _stretches(row, frames, traits.longest)
        spoken += sum(each.end - each.start for each in stretches)
        packs = packed(stretches, round(traits.longest * RATE), round(traits.bridged * RATE))
        pieces += [Piece(each.start, each.end, channel if separate else None) for each in packs]
    return Heard(tuple(sorted(pieces, key=_place)), frames, spoken, separate)


def _place(piece: Piece) -> tuple[int, int]:
    return piece.start, piece.channel or 0


def _listen(task: Task, channels: int, *, mix: bool) -> tuple[Values, Values, int]:
    silero = Silero()
    listeners = [Listener(silero) for _ in range(channels)]
    found, power, frames = [np.zeros((channels, 0), np.float32)], [np.zeros((channels, 0), np.float32)], 0
    with one_thread():
        for block in blocks(task, mix=mix):
            frames += block.shape[1]
            filled = np.pad(block, ((0, 0), (0, -block.shape[1] % WINDOW)))
            found.append(np.stack([one.add(samples) for one, samples in zip(listeners, filled, strict=True)]))
            power.append((filled.reshape(channels, -1, WINDOW) ** 2).mean(axis=2))
    return np.concatenate(found, axis=1), np.concatenate(power, axis=1), frames


def _stretches(probabilities: Values, frames: int, longest: float) -> list[Stretch]:
    thresholds = Thresholds(shortest_silence=PAUSE, pad=PAD, longest_speech=longest)
    return list(speech(probabilities.tolist(), RATE, WINDOW, thresholds, frames))


def packed(stretches: Sequence[Stretch], longest: int, bridged: int) -> list[Stretch]:
    """Stretches with short pauses between them as one, as long as a model takes at once.

    Args:
        stretches: in order.
        longest: frames.
        bridged: frames of a pause at the most.

    >>> packed([Stretch(0, 10), Stretch(12, 20), Stretch(40, 50)], longest=30, bridged=5)
    [Stretch(start=0, end=20), Stretch(start=40, end=50)]
    """
    found: list[Stretch] = []
    for each in stretches:
        if found and each.start - found[-1].end <= bridged and each.end - found[-1].start <= longest:
            found[-1] = Stretch(found[-1].start, each.end)
        else:
            found.append(each)
    return found

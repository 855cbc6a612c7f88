"""From chunks to turns: frames on one time line, how many speak in each, and who.

The same numbers as the library's `speaker_count`, `reconstruct` and `to_annotation` give, without an array of all
chunks, frames and speakers (2 GB for three hours and a dozen of them) and without a loop over frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.pyannote_stack import SlidingWindow

ROWS = 1 << 16
"""Frames that are ranked at once."""


@dataclass(frozen=True)
class Run:
    """A stretch of speech: start and end (s), speaker from 0, and how far the chunks agree on it (0 to 1)."""

    start: float
    end: float
    speaker: int
    agreement: float


class TimeLine:
    """The frames of a whole sound.

    Args:
        chunks: number of chunks.
        frames: in each of them.
        chunk: length and step of the chunks (s).
        frame: length and step of the frames (s).
    """

    def __init__(self, chunks: int, frames: int, chunk: SlidingWindow, frame: SlidingWindow) -> None:
        self._frame = SlidingWindow(start=chunk.start, duration=frame.duration, step=frame.step)
        starts = chunk.start + np.arange(chunks + 1) * chunk.step
        middle = 0.5 * frame.duration
        self._first = [self._frame.closest_frame(start + middle) for start in starts[:-1]]
        last = chunk.start + chunk.duration + (chunks - 1) * chunk.step + middle
        self._number, self._per_chunk = self._frame.closest_frame(last) + 1, frames

    def sum(self, chunks: Any, columns: int) -> NDArray[np.float32]:
        """Overlap-add.

        Args:
            chunks: `[frames, columns]` of each, in their order; None for one that adds nothing.
            columns: of the sum.

        Shape:
            - output: `[frames of the sound, columns]`
        """
        total = np.zeros((self._number, columns), np.float32)
        for first, chunk in zip(self._first, chunks, strict=True):
            if chunk is not None:
                total[first : first + self._per_chunk] += chunk
        return total

    def times(self) -> NDArray[np.float64]:
        """The middle of each frame (s)."""
        start = self._frame.start + np.arange(self._number) * self._frame.step
        middle: NDArray[np.float64] = 0.5 * (start + (start + self._frame.duration))
        return middle


def counted(line: TimeLine, active: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """How many voices speak in each frame, on the average of the chunks that cover it, and how many do.

    Shape:
        - active: `[chunks, frames, voices]`
        - output: `[frames of the sound]` both
    """
    voices = line.sum((chunk.sum(axis=1, keepdims=True, dtype=np.float32) for chunk in active), 1)
    ones = np.ones((active.shape[1], 1), np.float32)
    covered = line.sum((ones for _ in active), 1)
    number = np.rint(voices / np.maximum(covered, 1e-12)).astype(np.uint8)
    return number[:, 0], covered[:, 0]


def votes(line: TimeLine, active: NDArray[np.uint8], of: NDArray[np.integer]) -> NDArray[np.float32]:
    """In how many chunks each speaker speaks in a frame.

    Args:
        line: the frames of the sound.
        active: where the voices of the chunks speak.
        of: the speaker of each voice, below 0 for none.

    Shape:
        - active: `[chunks, frames, voices]`
        - of: `[chunks, voices]`
        - output: `[frames of the sound, speakers]`
    """
    speakers = int(of.max()) + 1
    return line.sum((_by_speaker(chunk, row, speakers) for chunk, row in zip(active, of, strict=True)), speakers)


def _by_speaker(chunk: NDArray[np.uint8], of: NDArray[np.integer], speakers: int) -> NDArray[np.float32] | None:
    if not (of >= 0).any():
        return None
    out = np.zeros((len(chunk), speakers), np.float32)
    for voice in np.flatnonzero(of >= 0):
        np.maximum(out[:, of[voice]], chunk[:, voice], out=out[:, of[voice]])
    return out


def chosen(voted: NDArray[np.float32], number: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Who speaks in each frame: as many as there are, those with most votes first.

    Shape:
        - voted: `[frames, speakers]`
        - number: `[frames]`
        - output: `[frames, speakers]`, of more columns than there are speakers where more speak at once
    """
    missing = max(0, int(number.max()) - voted.shape[1])
    out = np.zeros((len(voted), voted.shape[1] + missing), bool)
    for first in range(0, len(voted), ROWS):
        spoken = first + np.flatnonzero(number[first : first + ROWS])
        # Of equal votes the sort decides: this one, as the library calls it.
        order = np.argsort(-np.pad(voted[spoken], ((0, 0), (0, missing))), axis=-1)
        ranked = np.arange(out.shape[1]) < number[spoken, None]
        chosen_here = np.zeros_like(ranked)
        np.put_along_axis(chosen_here, order, ranked, axis=1)
        out[spoken] = chosen_here
    return out


def runs(
    line: TimeLine, speaking: NDArray[np.bool_], agreement: NDArray[np.floating], longest_gap: float, end: float
) -> list[Run]:
    """The stretches of speech of each speaker, by start.

    Args:
        line: the frames of the sound.
        speaking: who speaks in each frame.
        agreement: how far the chunks agree on it.
        longest_gap: silences of a speaker that are shorter (s) belong to a turn.
        end: of the sound (s); the last chunk goes on behind it.

    Shape:
        - speaking: `[frames, speakers]`
        - agreement: `[frames, speakers]`
    """
    times = np.minimum(line.times(), end)
    found = []
    for speaker, column in enumerate(speaking.T):
        edges = np.diff(column.astype(np.int8), prepend=0, append=0)
        starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
        ends = np.minimum(ends, len(times) - 1)  # who speaks in the last frame does so up to its middle
        kept = times[ends] > times[starts]
        starts, ends = _joined(times, starts[kept], ends[kept], longest_gap)
        for first, last in zip(starts, ends, strict=True):
            mean = float(agreement[first:last, speaker].mean()) if speaker < agreement.shape[1] else 0.0
            found.append(Run(float(times[first]), float(times[last]), speaker, min(1.0, mean)))
    return sorted(found, key=lambda run: (run.start, run.end, run.speaker))


def _joined(
    times: NDArray[np.float64], starts: NDArray[np.intp], ends: NDArray[np.intp], longest_gap: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    apart = times[starts[1:]] - times[ends[:-1]] >= longest_gap
    first = np.concatenate([[True], apart])[: len(starts)]
    last = np.concatenate([apart, [True]])[: len(ends)]
    return starts[first], ends[last]

"""The operations `mix` and `mix_group`: several sounds in one, each with its gain and its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from librarian import Artifact, Output, Task, UnusableInputError
from librarian.audio.overlap import recut
from librarian.audio.peak import amplitude, decibels, sample_peak
from librarian.audio.progress import Progress
from librarian_editing.settings import MixSettings, Part
from librarian_editing.sound import AT_ONCE, DECIMALS, FLOAT, STEREO, Samples, Source, gain_for, side_by_side

UNNAMED = Part()
SHORTEST_BED = 1.0
"""Seconds."""
TOO_SHORT = f"a bed is repeated from {SHORTEST_BED:g} s on"


@dataclass(frozen=True)
class Voice:
    """A sound that goes into a mix.

    Attributes:
        source: the sound.
        channels: 1 or 2, of it on its way.
        factors: what left and right are multiplied by, `[2, 1]`.
    """

    source: Source
    channels: int
    factors: Samples


def mix(task: Task) -> Mapping[str, Output]:
    """The operations `mix` and `mix_group`: once to find the greatest sample, once to write.

    Raises:
        UnusableInputError: `unsupported` where no part is to be mixed.
    """
    settings: MixSettings = task.settings
    files = task.inputs["audio"]
    parts = [voice(Source(task, each), part) for each, part in chosen(files, settings)]
    if not parts:
        raise UnusableInputError("unsupported", "no part of it is named in parts, and others are left out")
    bed = Part(gain=settings.bed_gain, pan=settings.bed_pan)
    beds = [voice(Source(task, each), bed) for each in task.inputs.get("bed") or ()]
    made = Mix(task, parts, beds)
    frames, peak = made.measured()
    gain = 0.0 if task.bits == FLOAT else gain_for(peak)
    peak = 0.0
    with task.create_audio("audio", made.rate, STEREO) as writer:
        for samples in made.blocks(frames):
            peak = max(peak, sample_peak(samples))
            writer.write(samples, amplitude(gain))
    level = round(decibels(peak) + gain, DECIMALS) if peak else None
    facts = {"parts": len(parts), "left_out": len(files) - len(parts), "peak": level, "gain": gain}
    return {"audio": Output(writer.path, facts)}


def chosen(files: Sequence[Artifact], settings: MixSettings) -> Iterator[tuple[Artifact, Part]]:
    """What is mixed, by role or by number, and how."""
    for number, each in enumerate(files, 1):
        part = settings.parts.get(each.role) or settings.parts.get(str(number))
        if part or settings.others == "mix":
            yield each, part or UNNAMED


def voice(source: Source, part: Part) -> Voice:
    """A sound with its gain and its place."""
    channels = min(STEREO, source.channels)
    places = panned(part.pan) if channels == 1 else balanced(part.pan)
    factors = np.array([[amplitude(part.gain) * each] for each in places], np.float32)
    return Voice(source, channels, factors)


def panned(pan: float) -> tuple[float, float]:
    """What one channel is multiplied by for left and right: cos θ and sin θ with θ = (1 + pan) π / 4.

    The law of constant power: the squares add up to 1, and in the middle each has −3.01 dB (C. Roads, The Computer
    Music Tutorial, 1996, on panning).

    Args:
        pan: −1 (left) to 1 (right).

    >>> [round(each, 4) for each in panned(0.0)], panned(-1.0)
    ([0.7071, 0.7071], (1.0, 0.0))
    """
    angle = (1.0 + pan) * math.pi / 4.0
    return math.cos(angle), math.sin(angle)


def balanced(pan: float) -> tuple[float, float]:
    """What two channels are multiplied by: as they are in the middle, the other side by the same law beside it.

    >>> balanced(0.0), balanced(1.0)[1]
    ((1.0, 1.0), 1.0)
    """
    left, right = (min(1.0, round(math.sqrt(2.0) * each, 12)) for each in panned(pan))
    return left, right


class Mix:
    """Parts over each other, from one start, over a bed.

    Args:
        task: the task.
        parts: what is mixed.
        beds: what is below them, one after another.

    Attributes:
        rate: Hz.

    Raises:
        UnusableInputError: `too_short` where the beds are too short to be repeated.
    """

    def __init__(self, task: Task, parts: Sequence[Voice], beds: Sequence[Voice]) -> None:
        settings: MixSettings = task.settings
        self.rate = round(settings.rate) or max(each.source.rate for each in (*parts, *beds))
        self._parts, self._beds, self._repeat = parts, beds, settings.bed_repeat
        self._fade = round(settings.bed_fade * self.rate)
        self._under = 0
        self._progress = Progress(task.progress, 2 * sum(part.source.frames for part in parts))
        if beds and self._repeat and sum(bed.source.frames / bed.source.rate for bed in beds) < SHORTEST_BED:
            raise UnusableInputError("too_short", TOO_SHORT)

    def measured(self) -> tuple[int, float]:
        """Its length in frames, and its greatest sample; a bed counts as if it did not fade out."""
        frames, peak, self._under = 0, 0.0, 0
        for samples in self.blocks(None):
            frames, peak = frames + samples.shape[1], max(peak, sample_peak(samples))
        return frames, peak

    def blocks(self, frames: int | None) -> Iterator[Samples]:
        """The mix.

        Args:
            frames: its length, where the bed is to fade out before it, or before its own end; as `measured` said.

        Shape:
            - output: `[2, frames]`
        """
        end = None if frames is None else min(frames, self._under)
        bed = faded(recut(self._bed(), AT_ONCE), self._fade, end)
        sounds = [part.source.blocks(self.rate, part.channels, self._progress) for part in self._parts]
        for blocks in side_by_side(sounds):
            length = next(block.shape[1] for block in blocks if block is not None)
            total = np.zeros((STEREO, length), np.float32)
            for part, block in zip(self._parts, blocks, strict=True):
                if block is not None:
                    total += part.factors * block
            if (under := next(bed, None)) is not None:
                total[:, : under.shape[1]] += under[:, :length]
                self._under += under.shape[1] if frames is None else 0
            yield total

    def _bed(self) -> Iterator[Samples]:
        while self._beds:
            frames = 0
            for each in self._beds:
                for samples in each.source.blocks(self.rate, each.channels):
                    frames += samples.shape[1]
                    yield each.factors * samples
            if not self._repeat:
                return
            if frames < SHORTEST_BED * self.rate:  # whatever its header said
                raise UnusableInputError("too_short", TOO_SHORT)


def faded(blocks: Iterable[Samples], fade: int, frames: int | None) -> Iterator[Samples]:
    """A sound that fades in and out in straight lines.

    Args:
        blocks: the sound.
        fade: frames of each fade.
        frames: where the fade out ends; None for none.
    """
    at = 0
    for samples in blocks:
        place = np.arange(at, at + samples.shape[1], dtype=np.float64)
        left = np.full(len(place), np.inf) if frames is None else frames - 1 - place
        factor = np.clip((np.minimum(place, left) + 0.5) / fade, 0.0, 1.0) if fade else None
        yield samples if factor is None else samples * factor.astype(np.float32)
        at += samples.shape[1]

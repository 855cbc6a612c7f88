"""From the stems of a model and the mix to what is written, held until it is known how loud it is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

from librarian.audio.peak import decibels

Samples = NDArray[np.float32]

IN_MEMORY = 64 << 20
"""Bytes of results that are held in memory; beyond them they lie in a file, until they are written."""
DECIMALS = 4
"""Of gains (dB)."""


@dataclass(frozen=True)
class Choice:
    """Which outputs are made of the stems.

    Attributes:
        chosen: numbers of the stems.
        rest: whether what remains of the mix without the chosen stems comes after them.
        residual: where what the stems lack of the mix goes: to a stem's number, `spread` alike, or `leave`: nowhere.
    """

    chosen: tuple[int, ...]
    rest: bool = False
    residual: int | str = "leave"

    def kept(self, stems: int) -> list[int]:
        """Which of so many stems are needed to make the outputs."""
        return list(self.chosen if self.residual == "leave" else range(stems))

    def outputs(self, stems: Samples, mix: Samples) -> Samples:
        """What is written.

        Shape:
            - stems: `[kept, channels, frames]`
            - mix: `[channels, frames]`
            - output: `[chosen (+ 1), channels, frames]`
        """
        chosen = stems
        if self.residual != "leave":
            lacking = mix - stems.sum(axis=0)
            stems = stems.copy()
            if self.residual == "spread":
                stems += lacking / len(stems)
            elif isinstance(self.residual, int):
                stems[self.residual] += lacking
            chosen = stems[list(self.chosen)]
        return np.concatenate([chosen, (mix - chosen.sum(axis=0))[np.newaxis]]) if self.rest else chosen


class Spool:
    """Outputs of a sound, in the order in which they come; long ones lie in a file that has no name.

    Args:
        folder: for that file.

    Attributes:
        peak: the greatest sample of all outputs.
    """

    def __init__(self, folder: Path) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY, dir=os.fspath(folder))
        self._shapes: list[tuple[int, ...]] = []
        self.peak = 0.0

    def add(self, outputs: Samples) -> None:
        """Take the next frames, `[outputs, channels, frames]`."""
        if outputs.shape[-1]:
            self.peak = max(self.peak, float(np.abs(outputs).max()))
            self._file.write(np.ascontiguousarray(outputs).data)
            self._shapes.append(outputs.shape)

    def blocks(self) -> Iterator[Samples]:
        """All of it, from the beginning."""
        self._file.seek(0)
        for shape in self._shapes:
            yield np.frombuffer(self._file.read(4 * math.prod(shape)), np.float32).reshape(shape)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def common_gain(peak: float, bits: int) -> float:
    """The one gain (dB, 0 or less, rounded down) with which no output rises above full scale; 0 for a float format."""
    if bits == 32 or not peak:  # noqa: PLR2004
        return 0.0
    return float(min(0.0, -math.ceil(decibels(peak) * 10**DECIMALS) / 10**DECIMALS))


def numbers_of(names: Sequence[str], stems: Sequence[str]) -> tuple[int, ...]:
    """Where those stems stand among all."""
    return tuple(stems.index(name) for name in names)

"""A recording in stems: read for its level, separated, written in its own rate, length and channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian import Output, Task
from librarian.audio.peak import amplitude, decibels
from librarian_separation import OWN, SeparateSettings, output_names
from librarian_separation.arrangement import Group, groups
from librarian_separation.bags import UnusableModelError
from librarian_separation.flow import Batches, Order, Separation, Standard
from librarian_separation.known import STEMS, WITHOUT_WEIGHTS
from librarian_separation.memory import keep_freed_memory
from librarian_separation.methods import Methods
from librarian_separation.results import DECIMALS, Choice, Spool, common_gain, numbers_of

CPU = "cpu"
FILES_TOGETHER = 8
SEGMENTS_TOGETHER = 16
"""On a GPU. On a CPU one segment fills all cores, and more of them only the memory."""
LEAST_DEVIATION = 1e-8
"""What Demucs adds to the deviation of a sound, so that silence can be divided by it."""


@dataclass(frozen=True)
class Read:
    """A recording that was looked through.

    Attributes:
        order: what is to be done with it.
        rate: Hz.
        channels: their number.
        layout: their order.
        frames: the length, at least about.
    """

    order: Order
    rate: int
    channels: int
    layout: str
    frames: int


class Separator:
    """The operation `separate`.

    Attributes:
        batch: recordings that are separated together.
    """

    def __init__(self, settings: SeparateSettings, device: str) -> None:
        self._settings = settings
        self._methods = Methods(settings, device)
        self.batch = 1 if device == CPU else FILES_TOGETHER
        self._size = settings.batch or (1 if device == CPU else SEGMENTS_TOGETHER)
        if device == CPU:
            keep_freed_memory()

    def read(self, task: Task) -> Read:
        """See what it holds, and how loud it is where the model wants to know that."""
        with task.open_audio("audio") as sound:
            ensemble = self._methods.of(sound.sample_rate, sound.channels)
            order = Order(
                task,
                ensemble,
                groups(sound.channels, sound.layout, ensemble.channels),
                standard_of(sound.blocks()) if ensemble.standardized else Standard(0.0, 1.0),
                self._choice(ensemble.stems),
                self._settings.shifts,
                to_the_end=self._settings.ending == "demucs" and self._settings.model not in WITHOUT_WEIGHTS,
            )
            return Read(order, sound.sample_rate, sound.channels, sound.layout, sound.frames)

    def compute(self, given: Sequence[Read]) -> list[tuple[Read, Spool]]:
        """Separate."""
        with ExitStack() as unless_whole:
            separations = [Separation(each.order, each.rate, each.channels, each.frames) for each in given]
            for separation in separations:
                unless_whole.callback(separation.spool.close)
            Batches(self._size).run(separations)
            unless_whole.pop_all()
        return [(read, separation.spool) for read, separation in zip(given, separations, strict=True)]

    def write(self, task: Task, result: tuple[Read, Spool]) -> Mapping[str, Output]:
        """Write all stems with one gain."""
        read, spool = result
        gain = common_gain(spool.peak, task.bits)
        names = output_names(self._settings)
        with closing(spool), ExitStack() as stack:
            writers = [
                stack.enter_context(task.create_audio(name, read.rate, read.channels, read.layout)) for name in names
            ]
            for block in spool.blocks():
                for writer, samples in zip(writers, block, strict=True):
                    writer.write(samples * np.float32(amplitude(gain)) if gain else samples)
        model = self._settings.model
        facts: dict[str, float | bool | str | None] = {
            "model": model if model in STEMS else OWN,
            "gain": gain,
            "peak": round(decibels(spool.peak), DECIMALS) if spool.peak else None,
            "channels_given": _word(read.order.groups),
        }
        return {name: Output(writer.path, facts) for name, writer in zip(names, writers, strict=True)}

    def _choice(self, stems: tuple[str, ...]) -> Choice:
        settings = self._settings
        if unknown := set(settings.stems) - set(stems):
            raise UnusableModelError(f"it has the stems {', '.join(stems)}, and not {', '.join(sorted(unknown))}")
        named = settings.residual not in ("spread", "leave")
        residual = stems.index(settings.residual) if named else settings.residual
        return Choice(numbers_of(settings.stems, stems), settings.rest, residual)


def standard_of(blocks: Iterable[NDArray[np.float32]]) -> Standard:
    """Mean and deviation of the mean of all channels."""
    frames, total, squares = 0, 0.0, 0.0
    for block in blocks:
        mono = block.mean(axis=0, dtype=np.float64)
        frames += len(mono)
        total += float(mono.sum())
        squares += float(np.square(mono).sum())
    mean = total / max(1, frames)
    variance = max(0.0, squares - frames * mean * mean) / max(1, frames - 1)
    return Standard(mean, variance**0.5 + LEAST_DEVIATION)


def _word(parts: tuple[Group, ...]) -> str:
    if len(parts) == 1:
        return "together" if len(parts[0].channels) == parts[0].wanted else "doubled"
    return "apart" if all(len(each.channels) == 1 for each in parts) else "in_pairs"

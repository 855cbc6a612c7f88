"""A recording at another rate, in other channels, in another format."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian import AudioStream, AudioWriter, Output, Task, UnusableInputError
from librarian.audio.downmix import matrix, mixed
from librarian.audio.peak import amplitude, decibels, sample_peak
from librarian.audio.resample import Resampler
from librarian_conversion import RATES, ConvertSettings
from librarian_conversion.listening import create_listening_copy

DECIMALS = 4
"""Of levels and gains (dB)."""

STEREO = 2

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Form:
    """What a sound is to be.

    Attributes:
        rate: Hz.
        parts: how much of each channel goes into each, `[to, channels]`; None where they are left.
        channels: their number.
        layout: their order.
    """

    rate: int
    parts: Samples | None
    channels: int
    layout: str


def convert(task: Task) -> Mapping[str, Output]:
    """The operation `convert`: once to find the greatest sample, once to write. Nothing is cut off on the way."""
    settings: ConvertSettings = task.settings
    with task.open_audio("audio") as sound:
        form = form_of(sound, settings)
        source = {"source_rate": sound.sample_rate, "source_channels": sound.channels}
        peak = max((sample_peak(samples) for samples in _converted(sound, form, task, 0.0)), default=0.0)
    gain = gain_for(peak)
    with task.open_audio("audio") as sound, _created(task, form) as writer:
        for samples in _converted(sound, form, task, 0.5):
            writer.write(samples, amplitude(gain))
    level = round(decibels(peak) + gain, DECIMALS) if peak else None
    return {"audio": Output(writer.path, {"gain": gain, "peak": level, **source})}


def form_of(sound: AudioStream, settings: ConvertSettings) -> Form:
    """What a sound is to be.

    Raises:
        UnusableInputError: `unsupported` where it cannot be mixed down, for nobody knows where its channels belong.
    """
    rate = int(settings.rate) or nearest_rate(sound.sample_rate, settings.format)
    channels = {"mono": 1, "stereo": STEREO}.get(settings.channels, sound.channels)
    if settings.format != "job":
        channels = min(channels, STEREO)
    if channels == sound.channels:
        return Form(rate, None, channels, sound.layout if channels > STEREO else "")
    try:
        return Form(rate, matrix(sound.channels, sound.layout, channels), channels, "")
    except ValueError as error:
        raise UnusableInputError("unsupported", str(error)) from None


def nearest_rate(rate: int, form: str) -> int:
    """The rate itself where a format has it, else the next one above; the highest for what is above all."""
    rates = RATES.get(form, (rate,))
    return min((each for each in rates if each >= rate), default=max(rates))


def gain_for(peak: float) -> float:
    """The gain (dB, 0 or less, rounded down) with which a peak does not rise above full scale."""
    return min(0.0, math.floor(-decibels(peak) * 10**DECIMALS) / 10**DECIMALS) if peak else 0.0


def _converted(sound: AudioStream, form: Form, task: Task, done: float) -> Iterator[Samples]:
    """The blocks of a sound in another form; half of the task's progress, from `done`."""
    resampler = Resampler(sound.sample_rate, form.rate, form.channels)
    for samples in _told(sound, task, done):
        yield resampler.add(samples if form.parts is None else mixed(samples, form.parts))
    yield resampler.end()


def _told(sound: AudioStream, task: Task, done: float) -> Iterator[Samples]:
    read, told = 0, done
    for samples in sound.blocks():
        yield samples
        read += samples.shape[1]
        now = done + 0.5 * min(1.0, read / max(1, sound.frames))
        if now - told >= 0.01:  # noqa: PLR2004
            told = now
            task.progress(now)


def _created(task: Task, form: Form) -> AbstractContextManager[AudioWriter]:
    settings: ConvertSettings = task.settings
    if settings.format == "job":
        return task.create_audio("audio", form.rate, form.channels, form.layout)
    path = task.folder / f"audio.{settings.format}"
    return create_listening_copy(path, settings.format, form.rate, form.channels, settings.bitrate)

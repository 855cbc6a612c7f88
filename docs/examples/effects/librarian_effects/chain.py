"""A chain of effects on a sound of any length, in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pedalboard
from numpy.typing import NDArray

from librarian import AudioStream, Output, Task, UnusableInputError
from librarian_effects import GATE_OFF, EffectsSettings

DECIMALS = 4
"""Of levels (dB)."""
MOST_CHANNELS = 2
_HALF = 0.49
"""Of the sample rate: a filter cannot be set higher."""
_STEPS = 100
Samples = NDArray[np.float32]


def effects(task: Task) -> Mapping[str, Output]:
    """The operation `effects`: once to find the greatest sample, once to write. Nothing is cut off."""
    with task.open_audio("audio") as sound:
        chain = chain_of(task.settings, sound)
        peak = max((float(np.abs(each).max(initial=0.0)) for each in _through(chain, sound, task, 0.0)), default=0.0)
    gain = min(0.0, math.floor(-decibels(peak) * 10**DECIMALS) / 10**DECIMALS) if peak else 0.0
    with (
        task.open_audio("audio") as sound,
        task.create_audio("audio", sound.sample_rate, sound.channels, sound.layout) as writer,
    ):
        for samples in _through(chain, sound, task, 0.5):
            writer.write(samples, 10 ** (gain / 20))
    level = round(decibels(peak), DECIMALS) if peak else None
    return {"audio": Output(writer.path, {"peak": level, "turned_down": abs(gain), "effects": len(chain)})}


def decibels(amplitude: float) -> float:
    """An amplitude in dB; 1 is 0 dB."""
    return 20 * math.log10(amplitude)


def chain_of(settings: EffectsSettings, sound: AudioStream) -> pedalboard.Pedalboard:
    """The effects that the settings switch on, for one sound.

    Raises:
        UnusableInputError: `unsupported` where it has more channels than the reverb knows, or too low a rate.
    """
    if sound.channels > MOST_CHANNELS:
        raise UnusableInputError("unsupported", f"it has {sound.channels} channels, the chain takes one or two")
    highest = _HALF * sound.sample_rate
    if settings.high_pass >= highest:
        raise UnusableInputError("unsupported", f"at {sound.sample_rate} Hz the high pass would leave nothing")
    made: list[tuple[bool, Callable[[], pedalboard.Plugin]]] = [
        (settings.high_pass > 0, lambda: pedalboard.HighpassFilter(settings.high_pass)),
        (0 < settings.low_pass < highest, lambda: pedalboard.LowpassFilter(settings.low_pass)),
        (settings.gate > GATE_OFF, lambda: pedalboard.NoiseGate(settings.gate)),
        (settings.threshold < 0, lambda: _compressor(settings)),
        (settings.gain != 0, lambda: pedalboard.Gain(settings.gain)),
        (settings.reverb > 0, lambda: _reverb(settings)),
    ]
    return pedalboard.Pedalboard([make() for is_on, make in made if is_on])


def _compressor(settings: EffectsSettings) -> pedalboard.Plugin:
    times = {"attack_ms": 1000 * settings.attack, "release_ms": 1000 * settings.release}
    return pedalboard.Compressor(settings.threshold, settings.ratio, **times)


def _reverb(settings: EffectsSettings) -> pedalboard.Plugin:
    return pedalboard.Reverb(room_size=settings.room, wet_level=settings.reverb, dry_level=1 - settings.reverb)


def _through(chain: pedalboard.Pedalboard, sound: AudioStream, task: Task, done: float) -> Iterator[Samples]:
    """The blocks of a sound behind the chain, as long as it is; half of the task's progress, from `done`."""
    chain.reset()
    read, step = 0, max(1, sound.frames // _STEPS)
    for samples in sound.blocks():
        yield chain(samples, sound.sample_rate, reset=False)
        before, read = read, read + samples.shape[1]
        if read // step > before // step:
            task.progress(done + 0.5 * min(1.0, read / max(1, sound.frames)))

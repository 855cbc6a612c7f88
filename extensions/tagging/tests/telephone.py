"""Sounds of telephone lines, made after the standards: for tests and for the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
KEYS = [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477, 1633)]


class Placed(NamedTuple):
    """What is in a sound, and where (s)."""

    label: str
    start: float
    end: float


class Made(NamedTuple):
    """A sound `[frames]` and what is in it."""

    samples: Samples
    events: list[Placed]


def sines(frequencies: Sequence[float], seconds: float, rate: int, off: float = 0.0) -> Samples:
    """Sines of equal level that sum to a power of 1, without steps at their ends.

    Args:
        frequencies: Hz.
        seconds: length.
        rate: Hz.
        off: part by which all frequencies are off.
    """
    time = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * each * (1 + off) * time + each) for each in frequencies)
    edge = min(len(time) // 2, round(0.002 * rate))
    ramp = np.minimum(1.0, np.minimum(np.arange(len(time)), np.arange(len(time))[::-1]) / max(1, edge))
    return (np.sqrt(2 / len(frequencies)) * wave * ramp).astype(np.float32)


def cadence(frequencies: Sequence[float], beats: Sequence[float], rate: int, off: float = 0.0) -> Samples:
    """Tone, pause, tone, pause … of so many seconds each."""
    parts = [
        sines(frequencies, beat, rate, off) if not number % 2 else np.zeros(round(beat * rate), np.float32)
        for number, beat in enumerate(beats)
    ]
    return np.concatenate(parts)


Maker = Callable[[np.random.Generator, int], Made]


def _whole(label: str, frequencies: Sequence[float], beats: Sequence[float], repeat: tuple[int, int]) -> Maker:
    def make(random: np.random.Generator, rate: int) -> Made:
        times = int(random.integers(*repeat, endpoint=True))
        stretch = random.uniform(0.95, 1.05)
        given = [beat * stretch for beat in [*beats] * times][:-1] if len(beats) > 1 else [times * beats[0]]
        sound = cadence(frequencies, given, rate, random.uniform(-0.005, 0.005))
        return Made(sound, [Placed(label, 0.0, len(sound) / rate)])

    return make


def _keys(random: np.random.Generator, rate: int) -> Made:
    parts, events, now = [], [], 0.0
    for _ in range(int(random.integers(4, 11))):
        on, off = random.uniform(0.05, 0.12), random.uniform(0.05, 0.15)
        parts += [sines(KEYS[random.integers(16)], on, rate, random.uniform(-0.01, 0.01)), np.zeros(round(off * rate))]
        events.append(Placed("dtmf", now, now + on))
        now += len(parts[-2]) / rate + len(parts[-1]) / rate
    return Made(np.concatenate(parts).astype(np.float32), events)


def _information(random: np.random.Generator, rate: int) -> Made:
    lines = (950, 1400, 1800) if random.random() < 0.5 else (914, 1371, 1777)
    sound = np.concatenate([sines([each], 0.33, rate, random.uniform(-0.005, 0.005)) for each in lines])
    return Made(sound, [Placed("hangup", 0.0, len(sound) / rate)])


MAKERS: Mapping[str, Mapping[str, Maker]] = {
    "ring": {
        "North America, 2 s / 4 s": _whole("ring", (440, 480), (2, 4), (1, 3)),
        "Europe, 1 s / 4 s": _whole("ring", (425,), (1, 4), (1, 3)),
        "France, 1.5 s / 3.5 s": _whole("ring", (425,), (1.5, 3.5), (1, 3)),
        "UK, 0.4 s 0.2 s 0.4 s / 2 s": _whole("ring", (400, 450), (0.4, 0.2, 0.4, 2), (1, 4)),
    },
    "busy": {
        "North America, 0.5 s / 0.5 s": _whole("busy", (480, 620), (0.5, 0.5), (4, 8)),
        "North America, 0.25 s / 0.25 s": _whole("busy", (480, 620), (0.25, 0.25), (6, 16)),
        "Germany, 0.48 s / 0.48 s": _whole("busy", (425,), (0.48, 0.48), (4, 8)),
        "congestion, 0.24 s / 0.24 s": _whole("busy", (425,), (0.24, 0.24), (6, 16)),
        "Spain, 0.2 s / 0.2 s": _whole("busy", (425,), (0.2, 0.2), (6, 16)),
        "UK, 0.375 s / 0.375 s": _whole("busy", (400,), (0.375, 0.375), (5, 10)),
        "UK, congestion": _whole("busy", (400,), (0.4, 0.35, 0.225, 0.525), (3, 5)),
    },
    "dial": {
        "North America and UK": _whole("dial", (350, 440), (3,), (1, 3)),
        "Europe": _whole("dial", (425,), (4,), (1, 2)),
    },
    "dtmf": {"4 to 10 keys, 50 to 120 ms": _keys},
    "hangup": {
        "special information": _information,
        "off the hook": _whole("hangup", (1400, 2060, 2450, 2600), (0.1, 0.1), (15, 40)),
    },
}
"""By label and kind: what makes one, of a power of 1."""


def scene(
    random: np.random.Generator,
    makers: Sequence[Maker],
    count: int,
    rate: int,
    background: Callable[[int], Samples],
    decibels: float,
) -> Made:
    """Sounds with pauses of some seconds between them, over a background that is so much quieter.

    Args:
        random: what is left to chance.
        makers: taken in turns.
        count: how many sounds.
        rate: Hz.
        background: frames → that many of it; its mean power counts.
        decibels: power of a tone while it sounds over that of the background.
    """
    parts, events, now = [], [], 0
    for number in range(count):
        pause = np.zeros(round(random.uniform(7.5, 10) * rate), np.float32)
        made = makers[number % len(makers)](random, rate)
        now += len(pause)
        events += [Placed(label, now / rate + start, now / rate + end) for label, start, end in made.events]
        parts += [pause, made.samples]
        now += len(made.samples)
    sound = np.concatenate([*parts, np.zeros(8 * rate, np.float32)])
    under = background(len(sound))
    under = under / max(1e-9, float(np.sqrt(np.mean(np.square(under, dtype=np.float64)))))
    mixed = sound + under * 10 ** (-decibels / 20)
    return Made((0.1 * mixed).astype(np.float32), events)

"""The first pass over a sound: where there is speech, and how loud it is. Silence costs nothing after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.audio.silero import WINDOW, Listener, Silero, one_thread
from librarian.audio.vad import Stretch, Thresholds, speech
from librarian_diarization.sound import RATE, Sound

THRESHOLDS = Thresholds(shortest_silence=0.3, pad=0.1)
"""Pauses within a sentence belong to it; what rises and fades takes about a tenth of a second."""

FAINTEST = 1e-10
"""Mean square of what is as good as silent (−100 dBFS)."""

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What the first pass found, for each window of 512 frames at 16 kHz.

    Attributes:
        speech: how probably it is speech, for each channel that was heard by itself.
        power: mean square of each of these channels.
        frames: of the sound.

    Shape:
        - speech, power: `[channels, windows]`
    """

    speech: Values
    power: Values
    frames: int

    def stretches(self) -> list[Stretch]:
        """Where anybody speaks on any channel, in frames."""
        return stretches(self.speech.max(axis=0), self.frames)

    def level(self) -> float:
        """Mean power of speech over all channels; never quite 0."""
        spoken = self.speech.max(axis=0) >= THRESHOLDS.onset
        return max(FAINTEST, float(self.power[:, spoken].mean()) if spoken.any() else 0.0)


def hear(sound: Sound, *, mixed: bool) -> Heard:
    """Listen to a sound once.

    Args:
        sound: what to listen to.
        mixed: all channels together, or each by itself.
    """
    silero = Silero()
    listeners = [Listener(silero) for _ in range(1 if mixed else sound.channels)]
    found, power, frames = [], [], 0
    with one_thread():
        for block in sound.blocks(mixed=mixed):
            frames += block.shape[1]
            filled = np.pad(block, ((0, 0), (0, -block.shape[1] % WINDOW)))
            found.append(np.stack([one.add(samples) for one, samples in zip(listeners, filled, strict=True)]))
            power.append((filled.reshape(len(filled), -1, WINDOW) ** 2).mean(axis=2))
    empty = [np.zeros((len(listeners), 0), np.float32)]
    return Heard(np.concatenate(found or empty, axis=1), np.concatenate(power or empty, axis=1), frames)


def stretches(probabilities: Values, frames: int) -> list[Stretch]:
    """Where there is speech, in frames.

    Shape:
        - probabilities: `[windows]`
    """
    return list(speech(map(float, probabilities), RATE, WINDOW, THRESHOLDS, frames))

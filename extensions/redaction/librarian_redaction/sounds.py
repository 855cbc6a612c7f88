"""One sound without what is private: silenced, written in its own sample format, read again and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from librarian import Artifact, AudioStream, Task
from librarian.audio.peak import amplitude
from librarian.media import Sampled, open_audio
from librarian_redaction import RedactSettings
from librarian_redaction.checking import compare
from librarian_redaction.silencing import STEPS, Instead, silenced
from librarian_redaction.stretches import Stretches, Time

WHOLE, FLOAT = 16, 32
"""Bits."""


@dataclass(frozen=True)
class Made:
    """A sound without what is private.

    Attributes:
        path: of the file.
        stretches: that were taken.
        silenced: their time (s).
        seconds: its length.
    """

    path: Path
    stretches: int
    silenced: float
    seconds: float


def exact_bits(sound: AudioStream) -> int:
    """Bits of a file that holds the samples of a sound as they are: float where nobody knows better."""
    return sound.bits or FLOAT


def sampled(sound: AudioStream) -> Iterator[Sampled]:
    """A sound block by block, as whole numbers where 16 bits hold it."""
    for block in sound.sampled_blocks():
        as_it_is = block.dtype == np.int16 or exact_bits(sound) != WHOLE
        yield block if as_it_is else np.rint(block * STEPS).astype(np.int16)


def without(
    task: Task,
    source: Artifact,
    output: str,
    times: Sequence[Time],
    settings: RedactSettings,
    progress: Callable[[float], None],
) -> Made:
    """Write a sound without some stretches, and verify it.

    Args:
        task: the task.
        source: the sound.
        output: what it is written as.
        times: what is taken (s).
        settings: what is put there, and the fades around it.
        progress: told what part of it is done.

    Raises:
        UnusableInputError: the sound is damaged, or the stretches are not its own.
        NotCleanError: what was written is not what it should be.
    """
    with task.open_audio(source) as sound:
        rate, bits, frames = sound.sample_rate, exact_bits(sound), 0
        stretches, instead = Stretches(times, rate, settings.fade), _instead(settings, rate)
        layout = sound.layout if sound.channels > 2 else ""  # noqa: PLR2004
        with task.create_audio(output, rate, sound.channels, layout, bits=bits) as writer:
            for block in silenced(sampled(sound), stretches, instead):
                writer.write(block)
                frames += block.shape[1]
                progress(0.5 * frames / max(sound.frames, frames))
    taken = stretches.seconds(frames)
    with task.open_audio(source) as sound, open_audio(writer.path) as made:
        compare(sampled(sound), made.sampled_blocks(), stretches, instead, 2.0 ** (1 - min(bits, 24)))
    progress(1.0)
    return Made(writer.path, len(stretches), taken, frames / rate)


def _instead(settings: RedactSettings, rate: int) -> Instead:
    if settings.replace == "silence":
        return Instead(rate)
    return Instead(rate, min(settings.tone, rate / 4), amplitude(settings.tone_level))

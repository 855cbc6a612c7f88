"""The operation `diarize`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from librarian import Output, Task, Turns, UnusableInputError, Voices
from librarian_diarization import DiarizeSettings
from librarian_diarization.cepstra import BANDS
from librarian_diarization.channels import ByChannel, have_their_own
from librarian_diarization.classic import Classic
from librarian_diarization.dvectors import Encoder
from librarian_diarization.formats import rttm
from librarian_diarization.found import Found, overlaps
from librarian_diarization.hearing import hear
from librarian_diarization.precision import full_precision
from librarian_diarization.pyannote_known import NONE
from librarian_diarization.pyannote_method import ByPipeline, Pipeline
from librarian_diarization.sound import Samples, Sound
from librarian_diarization.spool import Spool
from librarian_diarization.timeline import timeline
from librarian_diarization.together import through
from librarian_diarization.voices import voices_of

CPU = "cpu"
PAIR = 2
"""Channels of a call."""
RECORDINGS_TOGETHER = 8
"""On a GPU. On a CPU a recording of its own fills what batches pay there."""
TOGETHER = 32
"""Chunks of a pipeline on a GPU, and d-vectors anywhere, that are computed at once."""
CHUNKS_ON_CPU = 8

ByAny = ByChannel | Classic | ByPipeline


@dataclass(frozen=True)
class Diarized:
    """What was found out of a recording.

    Attributes:
        found: by the method.
        turns: the same, as it is put out.
        seconds: length of the recording.
        voices: of its speakers, where they are asked for.
    """

    found: Found
    turns: Turns
    seconds: float
    voices: Voices | None


class Diarizer:
    """Finds out who spoke when, with networks that stay loaded.

    Attributes:
        batch: recordings that are diarized together.
    """

    def __init__(self, settings: DiarizeSettings, device: str) -> None:
        self._settings, self._device = settings, device
        self._pipeline = None if settings.model == NONE else Pipeline(settings.model, device)
        self.batch = 1 if device == CPU else RECORDINGS_TOGETHER
        self._size = settings.batch or (CHUNKS_ON_CPU if device == CPU and self._pipeline else TOGETHER)

    def read(self, task: Task) -> Sound:
        """See what it holds."""
        return Sound(task, passes=3 if self._settings.voices else 2)

    def compute(self, given: Sequence[Sound]) -> list[Diarized | Exception]:
        """Diarize; of one that cannot be, why."""
        with full_precision(), ExitStack() as held:
            begin = [partial(self._begin, sound, held) for sound in given]
            return [self._ended(each) for each in through(self._network, begin, self._size)]

    def write(self, task: Task, result: Diarized | Exception) -> Mapping[str, Output]:
        """Write the turns of a recording, and what is made of them."""
        if isinstance(result, Exception):
            raise result
        turns, seconds = result.turns, result.seconds
        texts = {"rttm": rttm(turns, task.unit), "picture": timeline(turns, seconds)}
        files = {name: task.folder / f"{name}.{ending}" for name, ending in (("rttm", "rttm"), ("picture", "svg"))}
        for name, path in files.items():
            path.write_text(texts[name], encoding="utf-8")
        facts = _facts(result.found, turns, seconds)
        outputs = {"turns": Output(turns, facts), **{name: Output(path) for name, path in files.items()}}
        if result.voices:
            outputs["voices"] = Output(result.voices)
        task.progress(1.0)
        return outputs

    def _begin(self, sound: Sound, held: ExitStack) -> ByAny:
        """By the method that the settings or the recording ask for; a pipeline that is there instead of `classic`.

        Raises:
            UnusableInputError: `unsupported` where channels are asked for and there is one only.
        """
        settings = self._settings
        if settings.method == "channels" and sound.channels < PAIR:
            raise UnusableInputError("unsupported", "it has one channel: write method: classic, or auto")
        least, most = settings.bounds
        may_be_channels = settings.method == "auto" and sound.channels == PAIR and least <= PAIR <= most
        separate = may_be_channels or settings.method == "channels"
        if self._pipeline and not separate:
            return ByPipeline(sound, self._pipeline, settings)
        heard = hear(sound, mixed=not separate)
        if settings.method == "channels" or (may_be_channels and have_their_own(heard)):
            return ByChannel(sound, heard)
        if self._pipeline:
            return ByPipeline(sound, self._pipeline, settings)
        return Classic(sound, heard, settings, held.enter_context(Spool(sound.folder, BANDS)))

    def _ended(self, way: ByAny | Exception) -> Diarized | Exception:
        """What it came to; or why it came to nothing, which its task alone is to be told."""
        if isinstance(way, Exception):
            return way
        try:
            found, sound = way.found(), way.sound
            turns = found.as_data()
            voices = voices_of(sound, turns, self._encoder) if self._settings.voices else None
        except Exception as error:
            return error
        return Diarized(found, turns, sound.seconds, voices)

    def _network(self, pieces: Sequence[Samples]) -> Iterable[Any]:
        return self._pipeline.hear(pieces) if self._pipeline else self._encoder.vectors(np.stack(pieces))

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self._device)


def _facts(found: Found, turns: Turns, seconds: float) -> dict[str, float | bool | str | None]:
    spoken = sum(turn.end - turn.start for turn in turns.exclusive)
    lengths = [turn.end - turn.start for turn in turns.turns]
    sure = sum(length * (turn.confidence or 0.0) for length, turn in zip(lengths, turns.turns, strict=True))
    return {
        "method": found.method,
        "features": found.features,
        "speakers": turns.speakers,
        "counted": found.counted,
        "certainty": found.certainty,
        "confidence": round(sure / sum(lengths), 3) if lengths else None,
        "turns": len(lengths),
        "speech": round(spoken, 3),
        "overlap": round(sum(end - start for start, end in overlaps(turns.turns)), 3),
        "duration": round(seconds, 3),
        "linked": None if found.linked is None else round(found.linked, 4),
    }

"""The method `pyannote` of `diarize`: its networks are loaded when the first recording needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from librarian import Turn, model_folder
from librarian_diarization import DiarizeSettings
from librarian_diarization.found import MILLISECONDS, Found
from librarian_diarization.sound import Samples, Sound

if TYPE_CHECKING:
    from librarian_diarization.pyannote_frames import Run
    from librarian_diarization.pyannote_pipeline import Heard
    from librarian_diarization.pyannote_reader import Networks


class Pipeline:
    """A pipeline on its device.

    Args:
        model: its name.
        device: `cpu`, `cuda:0` …
    """

    def __init__(self, model: str, device: str) -> None:
        self._model, self._device = model, device

    @cached_property
    def networks(self) -> Networks:
        """What it is made of."""
        from librarian_diarization.pyannote_reader import read_pipeline

        return read_pipeline(model_folder(self._model), self._device)

    def hear(self, chunks: Sequence[Samples]) -> Iterable[Heard]:
        """What remains of chunks."""
        from librarian_diarization.pyannote_pipeline import hear

        return hear(self.networks, chunks)


class ByPipeline:
    """The method for one sound; that is told its length."""

    def __init__(self, sound: Sound, pipeline: Pipeline, settings: DiarizeSettings) -> None:
        from librarian_diarization.pyannote_pipeline import Listening

        self.sound, self._settings = sound, settings
        self._listening = Listening(pipeline.networks, sound.task.open_audio("audio"), sound.task.progress)

    def pieces(self) -> Iterator[Samples]:
        """Its chunks."""
        yield from self._listening.pieces()
        self.sound.seconds = self._listening.seconds

    def add(self, made: Heard) -> None:
        """Take what was heard in the next chunk."""
        self._listening.add(made)

    def found(self) -> Found:
        """Its turns."""
        from librarian_diarization.pyannote_clustering import Count

        settings = self._settings
        made = self._listening.diarized(Count(settings.speakers or None, *settings.bounds))
        return Found(
            turns=_turns(made.turns),
            method="pyannote",
            counted="given" if settings.speakers else "guessed",
            certainty="certain" if len(made.embeddings) == settings.speakers else "fair",
            features="embeddings",
            exclusively=_turns(made.exclusive),
            linked=made.share,
        )


def _turns(runs: Iterable[Run]) -> list[Turn]:
    return [
        Turn(
            start=round(run.start, MILLISECONDS),
            end=round(run.end, MILLISECONDS),
            speaker=run.speaker + 1,
            confidence=round(run.agreement, 3),
        )
        for run in runs
    ]

"""The method `pyannote` of `diarize`: its networks are loaded when the first recording needs them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from librarian import Task, Turn, model_folder
from librarian_diarization import DiarizeSettings
from librarian_diarization.found import MILLISECONDS, Found

if TYPE_CHECKING:
    from librarian_diarization.pyannote_frames import Run
    from librarian_diarization.pyannote_reader import Networks
    from librarian_diarization.sound import Sound


class Pyannote:
    """Finds turns with a pipeline.

    Args:
        model: its name.
        device: `cpu`, `cuda:0` …
    """

    def __init__(self, model: str, device: str) -> None:
        self._model, self._device = model, device

    @cached_property
    def _networks(self) -> Networks:
        from librarian_diarization.pyannote_reader import read_pipeline

        return read_pipeline(model_folder(self._model), self._device)

    def __call__(self, task: Task, sound: Sound) -> Found:
        """What it finds in the sound of a task; that is told its length."""
        from librarian_diarization.pyannote_clustering import Count
        from librarian_diarization.pyannote_pipeline import diarize

        settings: DiarizeSettings = task.settings
        count = Count(settings.speakers or None, *settings.bounds)
        with task.open_audio("audio") as stream:
            made = diarize(self._networks, stream, count, progress=task.progress)
        sound.seconds = made.length
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

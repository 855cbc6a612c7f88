"""The operation `convert_words`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from librarian import Task, Words
from librarian_transcription.formats import FORMATS, Given


def convert_words(task: Task) -> Mapping[str, Path]:
    """Write words in each format that is asked for."""
    artifact = task.inputs["words"]
    given = Given(artifact.read_data(Words), task.unit, float(artifact.facts.get("duration") or 0.0), task.settings)
    made = {}
    for name in task.settings.formats:
        ending, write = FORMATS[name]
        made[name] = task.folder / f"{name}{ending}"
        made[name].write_text(write(given), encoding="utf-8")
    return made

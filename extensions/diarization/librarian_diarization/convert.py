"""The operation `convert_turns`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from librarian import Task, Turns
from librarian_diarization.formats import FORMATS


def convert_turns(task: Task) -> Mapping[str, Path]:
    """Write turns in each format that is asked for."""
    artifact = task.inputs["turns"]
    turns = artifact.read_data(Turns)
    seconds = float(artifact.facts.get("duration") or 0.0)
    made = {}
    for name in task.settings.formats:
        ending, write = FORMATS[name]
        made[name] = task.folder / f"{name}{ending}"
        made[name].write_text(write(turns, task.unit, seconds), encoding="utf-8")
    return made

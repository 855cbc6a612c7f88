import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from librarian.testing import FileTask

RECORDINGS = "configs/recordings/conversations"


@pytest.fixture
def make_task(tmp_path):
    """A task on samples `[channels, frames]`, with turns beside them where they are given."""
    numbers = itertools.count(1)

    def make(samples, rate, settings, turns=None, facts=None):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        task = FileTask(folder, [samples], rate, settings)
        if turns is not None:
            path = tmp_path / f"turns.{next(numbers)}.json"
            path.write_text(turns if isinstance(turns, str) else turns.model_dump_json())
            task.inputs["turns"] = SimpleNamespace(path=path, facts=facts or {})
        return task

    return make


@pytest.fixture
def recording():
    """A conversation that ships: samples `[channels, frames]` and their rate (Hz)."""
    from pathlib import Path

    folder = Path(__file__).parents[3] / RECORDINGS

    def read(name):
        samples, rate = soundfile.read(folder / f"{name}.flac", dtype="float32", always_2d=True)
        return np.ascontiguousarray(samples.T), rate

    return read

import itertools
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from librarian.media import create_audio, open_audio

BITS = {"PCM_16": 16, "PCM_24": 24, "FLOAT": 32}


class FileTask:
    """A task on real files, as the core has it, but without a worker."""

    def __init__(self, sources: list[Path], folder: Path, settings: Any, suffix: str, subtype: str) -> None:
        self.inputs = {"audio": tuple(SimpleNamespace(path=source) for source in sources)}
        self.settings, self.folder = settings, folder
        self.device, self.seed = "cpu", 0
        self.fractions: list[float] = []
        self._form = {"audio_format": suffix[1:], "bits": BITS[subtype], "seed": 0}
        self._numbers = itertools.count(1)

    def progress(self, fraction):
        assert 0 <= fraction <= 1
        self.fractions.append(fraction)

    def open_audio(self, port):
        artifact = self.inputs[port][0] if isinstance(port, str) else port
        return open_audio(artifact.path)

    @contextmanager
    def create_audio(self, output, rate, channels, layout=""):
        path = self.folder / f"{output}.{next(self._numbers)}.{self._form['audio_format']}"
        with create_audio(path, rate, channels, layout=layout, **self._form) as writer:
            yield writer


@pytest.fixture
def make_task(tmp_path):
    """A task on samples `[channels, frames]`, or on several of them, each written to a file first."""
    numbers = itertools.count(1)

    def make(samples, rate, settings, suffix=".wav", subtype="FLOAT", layout=""):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        sources = []
        for number, each in enumerate(samples if isinstance(samples, list) else [samples], 1):
            sources.append(folder / f"source{number}{suffix}")
            form = {"audio_format": suffix[1:], "bits": BITS[subtype], "seed": 0}
            with create_audio(sources[-1], rate, len(each), layout=layout, **form) as writer:
                writer.write(each)
        return FileTask(sources, folder, settings, suffix, subtype)

    return make


@pytest.fixture
def tone():
    """Sines of another frequency on each channel."""

    def make(rate=48000, seconds=1.0, channels=2, level=0.25):
        time = np.arange(round(rate * seconds)) / rate
        return np.stack([level * np.sin(2 * np.pi * 440 * n * time) for n in range(1, channels + 1)]).astype(np.float32)

    return make

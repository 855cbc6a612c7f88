import itertools
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

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
def written():
    """The samples of an output, and their rate."""

    def read(output):
        samples, rate = soundfile.read(output.value, dtype="float32", always_2d=True)
        return np.ascontiguousarray(samples.T), rate

    return read


@pytest.fixture
def speech():
    """Noise in bursts, peaks 12 dB above its loudness or so."""

    def make(rate=48000, seconds=4.0, channels=2, level=0.05):
        rng = np.random.default_rng(7)
        frames = round(rate * seconds)
        envelope = 0.3 + 0.7 * np.abs(np.sin(np.arange(frames) * 3 / rate))
        noise = rng.standard_normal((channels, frames)).clip(-4, 4)
        return (level * envelope * noise).astype(np.float32)

    return make

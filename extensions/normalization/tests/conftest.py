from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile


@dataclass
class FileTask:
    """A task on real files, without the core: reads one, writes the other in the same format."""

    source: Path
    folder: Path
    settings: Any
    subtype: str
    device: str = "cpu"
    seed: int = 0
    inputs: dict[str, Any] = field(default_factory=dict)
    state: Any = field(default_factory=lambda: SimpleNamespace(value={}, save=lambda: None))

    def progress(self, fraction):
        assert 0 <= fraction <= 1

    def read_audio(self, port):
        assert port == "audio"
        samples, rate = soundfile.read(self.source, dtype="float32", always_2d=True)
        return np.ascontiguousarray(samples.T), rate

    def write_audio(self, output, samples, rate):
        path = self.folder / f"{output}{self.source.suffix}"
        soundfile.write(path, samples.T, rate, subtype=self.subtype)
        return path


@pytest.fixture
def make_task(tmp_path):
    """A task on samples `[channels, frames]`, written to a file first."""

    def make(samples, rate, settings, suffix=".wav", subtype="FLOAT"):
        source = tmp_path / f"source{suffix}"
        soundfile.write(source, np.atleast_2d(samples).T, rate, subtype=subtype)
        return FileTask(source, tmp_path, settings, subtype)

    return make


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

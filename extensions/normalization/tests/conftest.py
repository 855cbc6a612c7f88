import itertools

import numpy as np
import pytest
import soundfile

from librarian.testing import FileTask


@pytest.fixture
def make_task(tmp_path):
    """A task on samples `[channels, frames]`, or on several of them."""
    numbers = itertools.count(1)

    def make(samples, rate, settings, suffix=".wav", subtype="FLOAT", layout=""):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        sounds = samples if isinstance(samples, list) else [samples]
        return FileTask(folder, sounds, rate, settings, suffix=suffix, subtype=subtype, layout=layout)

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

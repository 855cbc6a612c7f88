import itertools

import numpy as np
import pytest

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
def tone():
    """Sines of another frequency on each channel."""

    def make(rate=48000, seconds=1.0, channels=2, level=0.25):
        time = np.arange(round(rate * seconds)) / rate
        return np.stack([level * np.sin(2 * np.pi * 440 * n * time) for n in range(1, channels + 1)]).astype(np.float32)

    return make

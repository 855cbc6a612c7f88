"""What all modules of `librarian.audio` have in common: their examples hold, and they leave torch where it is."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import librarian.audio

MODULES = [f"librarian.audio.{each.name}" for each in pkgutil.iter_modules(librarian.audio.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_its_examples_hold(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_none_of_them_loads_torch_or_soxr():
    code = f"import {', '.join(MODULES)}; import sys; print(sorted({{'torch', 'soxr'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_arrays_are_worked_on_without_torch():
    code = """
import sys
import numpy as np
from librarian.audio import masks, mel, medians, networks, resample, similarity, spectral
sound = np.zeros((2, 16000), np.float32)
spectra = spectral.stft(resample.resample(sound, 16000, 8000), 400, 160)
levels = abs(spectra[0].T)
masks.soft_mask(levels, networks.median_of_rows(levels, similarity.similar_frames(levels, 3, 2)))
spectral.istft(spectra, 160, 8000), mel.whisper_spectrogram(sound), medians.running_median(abs(spectra), 17)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pyannote_folders
import pytest
import soundfile

from librarian import Artifact
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
            task.inputs["turns"] = Artifact(path, "turns/1", facts=facts or {})
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


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The weights of a package that is called resemblyzer, random ones, and cannot be imported."""
    import torch

    from librarian_diarization.dvectors import BANDS, DIMENSIONS

    folder = tmp_path / "packages" / "resemblyzer"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('it is not to be imported')")
    monkeypatch.syspath_prepend(folder.parent)
    torch.manual_seed(1)
    lstm, linear = torch.nn.LSTM(BANDS, DIMENSIONS, 3), torch.nn.Linear(DIMENSIONS, DIMENSIONS)
    state = {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    state |= {f"linear.{name}": value for name, value in linear.state_dict().items()}
    torch.save({"step": 3, "model_state": state | {"similarity_weight": torch.ones(1)}}, folder / "pretrained.pt")
    return folder / "pretrained.pt"


@pytest.fixture(scope="session")
def library():
    """pyannote.audio, in one thread: small networks are slowed down by more."""
    from librarian_diarization.pyannote_stack import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    import pyannote.audio

    yield pyannote.audio
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_folder(library, tmp_path_factory):
    """A pipeline of random weights: `make_folder(clustering=…)`. The same one is made once."""
    made = {}

    def make(**changes):
        wanted = replace(pyannote_folders.Made(), **changes)
        if wanted not in made:
            made[wanted] = pyannote_folders.make(tmp_path_factory.mktemp("pipeline") / "model", wanted)
        return made[wanted]

    return make


@pytest.fixture(scope="session")
def read_folder(library, tmp_path_factory):
    """The networks of a folder, read as a worker reads those of an installed model."""
    from librarian import model_folder
    from librarian.testing import given_models
    from librarian_diarization.pyannote_reader import read_pipeline

    def read(folder):
        with given_models({"pipeline": folder}, tmp_path_factory.mktemp("store")):
            return read_pipeline(model_folder("pipeline"))

    return read


@pytest.fixture(scope="session")
def voices(request):
    """Two people who talk, `[1, frames]` at 16 kHz: a real conversation of the project."""
    from librarian.audio.resample import resample

    file = request.config.rootpath / "configs/recordings/conversations/two_speakers.flac"
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True, stop=10 * 16000)
    return resample(np.ascontiguousarray(samples.T[:1]), rate, 16000)


@pytest.fixture
def sound_of(tmp_path):
    """A sound file of samples `[channels, frames]`."""

    def write(samples, rate=16000):
        path = tmp_path / "sound.wav"
        soundfile.write(path, samples.T, rate, subtype="FLOAT")
        return path

    return write

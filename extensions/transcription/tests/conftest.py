from __future__ import annotations

import itertools
import socket
from contextlib import ExitStack

import numpy as np
import pytest
import soundfile
import speech_folders

from librarian import Artifact, model_folder
from librarian.audio.resample import resample
from librarian.testing import FileTask, given_models


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Whoever connects anywhere fails, and says so."""

    def refuse(*_):
        raise AssertionError("something wants to go over the network")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A model's folder: `folder("whisper")`. The same one is made once."""
    made = {}

    def make(family, **changes):
        key = family, repr(sorted(changes.items()))
        if key not in made:
            made[key] = speech_folders.MAKERS[family](tmp_path_factory.mktemp(family) / "model", **changes)
        return made[key]

    return make


@pytest.fixture
def opened(tmp_path):
    """The model of a folder, loaded as a worker does."""
    from librarian_transcription.door import open_model

    numbers = itertools.count(1)

    def load(place, **how):
        with given_models({"own": place}, tmp_path / f"store{next(numbers)}"):
            return open_model(model_folder("own"), **how)

    return load


@pytest.fixture(scope="session")
def talk(request):
    """Two people who talk: samples `[1, frames]` at 16 kHz, 12 s."""
    file = request.config.rootpath / "configs/recordings/conversations/two_speakers.flac"
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True, stop=12 * 16000)
    assert rate == 16000
    return np.ascontiguousarray(samples.T)


@pytest.fixture(scope="session")
def call(request):
    """A call with a voice on each of two channels: samples `[2, frames]` at 16 kHz."""
    file = request.config.rootpath / "configs/recordings/conversations/two_channel_call.flac"
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return resample(np.ascontiguousarray(samples.T), rate, 16000)


@pytest.fixture
def make_task(tmp_path):
    """A task on samples `[channels, frames]`, with turns or words beside them where they are given."""
    numbers = itertools.count(1)

    def make(samples, rate, settings, facts=None, layout="", **inputs):
        place = tmp_path / f"task{next(numbers)}"
        place.mkdir()
        task = FileTask(place, [samples], rate, settings, layout=layout)
        for name, value in inputs.items():
            path = tmp_path / f"{name}.{next(numbers)}.json"
            path.write_text(value if isinstance(value, str) else value.model_dump_json())
            task.inputs[name] = Artifact(path, "", facts=facts or {})
        return task

    return make


@pytest.fixture
def transcribed(tmp_path, make_task):
    """What `transcribe` makes of sounds with a model that a test made: words and facts for each."""
    from librarian_transcription import TranscribeSettings
    from librarian_transcription.transcribe import Transcriber

    numbers = itertools.count(1)

    def run(place, *sounds, rate=16000, layout="", turns=None, together=True, **given):
        settings = TranscribeSettings(**{"model": "own", "attempts": 1, **given})
        with ExitStack() as stack:
            stack.enter_context(given_models({"own": place}, tmp_path / f"store{next(numbers)}"))
            runner = Transcriber(settings, "cpu")
            inputs = {} if turns is None else {"turns": turns}
            tasks = [make_task(sound, rate, settings, layout=layout, **inputs) for sound in sounds]
            read = [runner.read(task) for task in tasks]
            results = runner.compute(read) if together else [runner.compute([each])[0] for each in read]
            made = [runner.write(task, result)["words"] for task, result in zip(tasks, results, strict=True)]
        for output in made:
            assert output.facts["duration"] == pytest.approx(sounds[0].shape[1] / rate, abs=0.001) or len(sounds) > 1
        return [(output.value, output.facts) for output in made]

    return run

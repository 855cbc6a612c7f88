"""Tasks on real files, with roles; a call whose sides are known; speech-like sounds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from librarian import Artifact
from librarian.media import create_audio, read_audio
from librarian.testing import FileTask


@pytest.fixture
def artifact(tmp_path):
    """A sound, `[channels, frames]`, as a task is given it."""
    numbers = itertools.count(1)

    def make(samples, rate=8000, *, role="", bits=32, form="wav"):
        path = tmp_path / f"given{next(numbers)}.{form}"
        with create_audio(path, rate, len(samples), audio_format=form, bits=bits, seed=0) as writer:
            writer.write(samples)
        return Artifact(path, "audio", role=role)

    return make


@pytest.fixture
def make_task(tmp_path):
    """A task with these inputs, which writes 16 bits unless it is said otherwise."""
    numbers = itertools.count(1)

    def make(settings, *, bits=16, **inputs):
        folder = tmp_path / f"task{next(numbers)}"
        folder.mkdir()
        task = FileTask(folder, [], 8000, settings)
        task.inputs, task.bits = inputs, bits
        return task

    return make


@pytest.fixture(scope="session")
def call(request):
    """The three files of a call that ships: role → samples `[1, frames]` at 8 kHz."""
    roles = {"recv_out": "left", "trans_out": "right", "out": "both"}
    found = {}
    for file in (request.config.rootpath / "configs/recordings/calls").glob("*.wav"):
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        assert rate == 8000
        found[roles[file.name.partition("-")[0]]] = np.ascontiguousarray(samples.T)
    return found


@pytest.fixture
def sides(artifact):
    """Samples by role as the files of a group."""

    def make(samples, rates=None, **form):
        return tuple(artifact(each, (rates or {}).get(role, 8000), role=role, **form) for role, each in samples.items())

    return make


@pytest.fixture
def read():
    """The samples and the facts of an output, and its rate."""

    def run(output):
        samples, rate = read_audio(output.value)
        return samples, rate, output.facts

    return run


@pytest.fixture
def renamed():
    """An artifact with another role."""
    return lambda artifact, role: replace(artifact, role=role)

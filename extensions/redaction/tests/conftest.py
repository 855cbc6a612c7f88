"""Tasks on real files, and a real call."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from dictated import RATE, SAID, words_of

from librarian import Artifact, Spans, Words
from librarian.testing import FileTask


@pytest.fixture
def caller():
    return words_of(SAID)


@pytest.fixture(scope="session")
def call(request):
    """The three files of a call: role → samples `[1, frames]` int16 at 8 kHz."""
    folder = request.config.rootpath / "configs/recordings/calls"
    found = {}
    for file in folder.glob("*.wav"):
        samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
        assert rate == RATE
        found[file.name.partition("-")[0]] = np.ascontiguousarray(samples.T)
    return found


@pytest.fixture
def artifact(tmp_path):
    """A file of data as a task is given it."""
    numbers = itertools.count(1)

    def make(value, *, revised=False, facts=None, recording=""):
        folder = tmp_path / "library" / "ab" / "rec_aaaaaaaaaaaaa" / f"made-{next(numbers)}"
        folder.mkdir(parents=True)
        path = folder / "rec_aaaaaaaaaaaaa.find_private.spans.json"
        path.write_text(value.model_dump_json())
        return Artifact(path, value.word, facts=facts or {}, recording=recording, revised=revised)

    return make


@pytest.fixture
def make_task(tmp_path, artifact):
    """A task of `redact`: on a sound, words, spans and stems."""
    numbers = itertools.count(1)

    def make(samples, settings, words=(), spans=(), *, stems=(), rate=RATE, revised=False, **form):
        folder = tmp_path / f"task{next(numbers)}"
        folder.mkdir()
        form = {"subtype": "PCM_16", **form}
        task = FileTask(folder, [samples, *stems], rate, settings, **form)
        audio, *others = task.inputs["audio"]
        task.inputs = {"audio": audio, "stems": tuple(others)}
        task.inputs["words"] = artifact(Words(language="en", words=list(words)))
        task.inputs["spans"] = artifact(Spans(spans=list(spans)), revised=revised)
        return task

    return make


@pytest.fixture
def find(tmp_path, artifact):
    """What `find_private` finds in words: spans and facts."""
    from librarian_redaction import FindSettings
    from librarian_redaction.find import FinderOfPrivate

    def run(words, facts=None, **settings):
        given = {"words": artifact(Words(language="en", words=list(words)), facts=facts)}
        made = FinderOfPrivate(FindSettings(**settings), "cpu")(SimpleNamespace(inputs=given))["spans"]
        return made.value.spans, made.facts

    return run

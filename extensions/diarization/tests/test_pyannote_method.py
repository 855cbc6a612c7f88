from __future__ import annotations

import shutil
from types import MappingProxyType

import numpy as np
import pyannote_folders
import pytest

import librarian_diarization
from librarian import Model
from librarian.testing import Conformance, FileTask, given_models
from librarian.workers.runners import Runner
from librarian_diarization import DIARIZE, DiarizeSettings, resolve

COMMUNITY_1, V3_1 = "pyannote-community-1", "pyannote-3-1"


def installed(*names, loader="pyannote"):
    return {name: Model(name, "0" * 64, loader) for name in names}


@pytest.mark.parametrize(
    ("settings", "there", "model"),
    [
        ({}, installed(), "none"),
        ({}, installed(COMMUNITY_1, V3_1), COMMUNITY_1),
        ({}, installed(V3_1, "aaa"), V3_1),
        ({}, installed("mine"), "mine"),
        ({}, installed("htdemucs", loader="demucs"), "none"),
        ({"model": "none"}, installed(COMMUNITY_1), "none"),
        ({"model": "mine"}, installed(COMMUNITY_1), "mine"),
        ({"method": "pyannote"}, installed(), COMMUNITY_1),
        ({"method": "pyannote"}, installed(V3_1), V3_1),
        ({"method": "classic"}, installed(COMMUNITY_1), "none"),
        ({"method": "channels", "model": "mine"}, installed(COMMUNITY_1), "none"),
    ],
)
def test_auto_is_the_best_pipeline_that_is_installed(settings, there, model):
    resolved, used = resolve(DiarizeSettings(**settings), there)
    assert resolved.model == model
    assert list(used) == ([] if model == "none" else [model])


def test_pyannote_without_a_pipeline_or_without_its_package_is_said(monkeypatch):
    with pytest.raises(ValueError, match="needs a pipeline"):
        resolve(DiarizeSettings(method="pyannote", model="none"), {})
    monkeypatch.setattr(librarian_diarization, "is_there", lambda: False)
    with pytest.raises(ValueError, match=r"pip install 'librarian-diarization\[pyannote\]'"):
        resolve(DiarizeSettings(method="pyannote"), installed(COMMUNITY_1))
    assert resolve(DiarizeSettings(), installed(COMMUNITY_1))[0].model == "none"


@pytest.fixture
def diarize(library, make_folder, tmp_path):
    """The outputs of a task whose pipeline is installed."""
    from librarian_diarization.diarize import Diarizer

    def run(samples, rate=16000, **changes):
        folder = make_folder(clustering="AgglomerativeClustering", seed=18)
        store, work = tmp_path / "store", tmp_path / "task"
        work.mkdir()
        with given_models({V3_1: folder}, store, DIARIZE.models) as models:
            settings, used = resolve(DiarizeSettings(**changes), {model.name: model for model in models.models()})
            made = Runner(Diarizer(settings, "cpu"), is_built=True)(FileTask(work, [samples], rate, settings))
        assert used == [V3_1]
        return made

    return run


def test_turns_overlap_and_exclusive_ones_do_not(diarize, voices):
    made = diarize(voices[:, :99_000])
    turns, facts = made["turns"].value, made["turns"].facts

    assert (facts["method"], facts["features"], facts["counted"]) == ("pyannote", "embeddings", "guessed")
    assert (facts["certainty"], facts["linked"], facts["duration"]) == ("fair", 1.0, 6.188)
    assert facts["overlap"] > 0
    assert turns.speakers == facts["speakers"] > 1
    assert turns.turns[0].speaker == 1
    assert sum(turn.end - turn.start for turn in turns.exclusive) == pytest.approx(facts["speech"], abs=1e-3)
    assert all(turn.confidence is not None for turn in turns.turns)
    assert made["rttm"].value.read_text().count("SPEAKER") == facts["turns"]


def test_a_given_number_is_one_that_was_given(diarize, voices):
    made = diarize(voices[:, :99_000], method="pyannote", speakers=2)
    facts = made["turns"].facts
    assert (facts["speakers"], facts["counted"], facts["certainty"]) == (2, "given", "certain")


def test_a_call_of_two_channels_is_left_to_its_channels(diarize, recording):
    samples, rate = recording("two_channel_call")
    facts = diarize(samples[:, : 12 * rate], rate)["turns"].facts
    assert (facts["method"], facts["linked"]) == ("channels", None)


def test_two_channels_of_one_room_are_not(diarize, voices):
    made = diarize(np.concatenate([voices[:, :64_000]] * 2))
    assert made["turns"].facts["method"] == "pyannote"


def test_a_model_that_would_run_code_fails_its_task_alone(library, make_folder, tmp_path, voices):
    from librarian.errors import RefusedError
    from librarian_diarization.diarize import Diarizer

    folder = shutil.copytree(make_folder(), tmp_path / "model")
    config = (folder / "config.yaml").read_text().replace("SpeakerDiarization", "SpeechSeparation")
    (folder / "config.yaml").write_text(config)
    with given_models({"mine": folder}, tmp_path / "store"):
        settings = DiarizeSettings(model="mine")
        (tmp_path / "task").mkdir()
        task = FileTask(tmp_path / "task", [voices[:, :32_000]], 16000, settings)
        with pytest.raises(RefusedError, match=r"config\.yaml: pipeline\.name"):
            Runner(Diarizer(settings, "cpu"), is_built=True)(task)


class TestDiarizeByPyannote(Conformance):
    package = "librarian-diarization"
    operation = "diarize"
    settings = MappingProxyType({"method": "pyannote"})

    def models(self, folder):
        return {COMMUNITY_1: pyannote_folders.make(folder / "model", pyannote_folders.Made(seed=13))}


def test_known_models_name_what_the_reader_reads(make_folder, library):
    """What `librarian models add` wants in a folder is what makes a pipeline, no more and no less."""
    from librarian_diarization.pyannote_known import COMMUNITY_1 as KNOWN

    folder = make_folder()
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert there == {file.name for file in KNOWN.files}

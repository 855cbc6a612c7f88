"""Whole jobs from the command line: with a model, without it, and on a call."""

import json
import shutil

import clap_folders
import numpy as np
import pytest
import soundfile
import telephone
from harness import RECORDINGS, TOP, Archive

CONFIGS = TOP / "configs" / "tagging"
NAME = "Jane Doe"


@pytest.fixture
def project(tmp_path):
    """A folder with a recording, the job and the presets that ship, one more sound in the job, and no model."""
    archive = Archive(tmp_path / "archive", {"LIBRARIAN_MODELS": str(tmp_path / "models")})
    (archive.root / "recordings").mkdir(parents=True)
    shutil.copy(RECORDINGS / "conversations" / "two_speakers.flac", archive.root / "recordings" / f"{NAME}.flac")
    shutil.copy(CONFIGS / "everyday.sounds.yaml", archive.root)
    job = (CONFIGS / "sounds.yaml").read_text().replace("../recordings/conversations", "recordings")
    archive.job(job.replace("with: {", "with: {sounds: {jane: {prompt: Jane Doe laughing, threshold: 0.01}}, "))
    return archive


def made(archive):
    return {name.rpartition("/")[2].partition(".")[2]: data for name, data in archive.files().items()}


def test_a_model_that_is_missing_is_said_with_its_files_and_what_to_type_before_anything_runs(project):
    said = project.librarian("run", "job.yaml", code=5).stderr
    assert "the model clap-htsat-unfused is not installed" in said
    assert "it is config.json, model.safetensors, preprocessor_config.json, tokenizer.json" in said
    assert "librarian models fetch clap-htsat-unfused" in said
    assert "librarian models add FOLDER --name clap-htsat-unfused" in said
    assert not (project.root / "library").exists() or not project.files()


def test_sounds_of_a_recording_by_a_model_that_was_added(project, tmp_path):
    model = clap_folders.clap(tmp_path / "model")
    project.librarian("init", code=None)
    project.librarian("models", "add", str(model), "--name", "ours", "--loader", "clap")
    project.librarian("run", "job.yaml")
    project.librarian("verify", "--read-data")
    files = made(project)
    events = json.loads(files["tag.events.json"])
    assert events["schema"] == "events/1"
    assert "jane" in {event["label"] for event in events["events"]}
    told = json.loads(files["tag.probabilities.json"])
    assert told["schema"] == "probabilities/1" and len(told["sounds"]) == 13
    written = b"".join(data for name, data in project.files("manifests").items())
    assert NAME.encode() not in written and b"laughing" not in written
    again = project.librarian("plan", "job.yaml", "--json")
    assert {(step["new"], step["redo"]) for step in json.loads(again.stdout)["steps"]} == {(0, 0)}
    presets = project.root / "everyday.sounds.yaml"
    presets.write_text(presets.read_text().replace("threshold: 0.6", "threshold: 0.65"))
    changed = project.librarian("plan", "job.yaml", "--json")
    assert {step["redo"] for step in json.loads(changed.stdout)["steps"]} == {1}


def test_a_presets_file_that_is_wrong_is_said_with_its_place(project):
    (project.root / "everyday.sounds.yaml").write_text(f"bell: {{prompt: {NAME}, threshold: 2}}\n")
    said = project.librarian("run", "job.yaml", code=2).stderr
    assert "steps.0.with.presets: is no list of sounds: entry 1 has a wrong threshold" in said
    assert NAME not in said


def test_a_call_with_dialling_ringing_and_its_end(tmp_path):
    archive = Archive(tmp_path / "archive")
    (archive.root / "calls").mkdir(parents=True)
    random, rate = np.random.default_rng(1), 8000
    talk, _ = soundfile.read(RECORDINGS / "conversations" / "two_channel_call.flac", dtype="float32", stop=15 * rate)
    parts = [
        0.1 * telephone.sines((350, 440), 3, rate),
        0.1 * telephone.MAKERS["dtmf"]["4 to 10 keys, 50 to 120 ms"](random, rate).samples,
        np.zeros(2 * rate),
        0.1 * telephone.cadence((440, 480), [2, 4, 2, 1], rate),
        3 * talk[:, 0],
        0.1 * telephone.cadence((480, 620), [0.5, 0.5] * 4, rate),
    ]
    line = np.concatenate(parts) + 1e-3 * random.standard_normal(sum(map(len, parts)))
    soundfile.write(archive.root / "calls" / "a.wav", np.stack([line, np.zeros_like(line)], axis=1), rate)
    job = (CONFIGS / "lines.yaml").read_text().replace("../recordings/calls", "calls")
    archive.job(job)
    archive.librarian("run", "job.yaml")
    files = made(archive)
    events = json.loads(files["tones.events.json"])["events"]
    order = list(dict.fromkeys(event["label"] for event in events if event["channel"] == 0))
    assert [label for label in order if label != "silence"] == ["dial", "dtmf", "ring", "hangup"]
    assert [event["label"] for event in events if event["channel"] == 1] == ["silence"]
    report = json.loads(files["tones.report.json"])
    assert report["schema"] == "measurements/1"

"""The example of the README, from the command line: with a model, and without."""

import json
import re
import shutil
from pathlib import Path

import pytest
import speech_folders
from harness import RECORDINGS, Archive

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.fixture
def project(tmp_path):
    """A folder with an interview and the job of the README, and a model beside them that is not installed yet."""
    (job,) = re.findall(r"```yml\n(librarian: 1\n.*?)```", README, re.DOTALL)
    archive = Archive(tmp_path / "archive", {"LIBRARIAN_MODELS": str(tmp_path / "models")})
    (archive.root / "interviews").mkdir(parents=True)
    shutil.copy(RECORDINGS / "conversations" / "two_speakers.flac", archive.root / "interviews" / "a.flac")
    archive.job(job)
    return archive


def test_a_model_that_is_missing_is_said_with_its_files_and_what_to_type_before_anything_runs(project):
    said = project.librarian("run", "job.yaml", code=5).stderr
    assert "the model whisper-small is not installed" in said
    assert "it is config.json, generation_config.json, model.safetensors, tokenizer.json" in said
    assert "librarian models fetch whisper-small" in said
    assert "librarian models add FOLDER --name whisper-small" in said
    assert not (project.root / "library").exists() or not project.files()


def test_an_interview_becomes_words_with_speakers_and_captions(project, tmp_path):
    model = speech_folders.whisper(tmp_path / "model")
    project.librarian("init", code=None)
    added = ("models", "add", str(model), "--name", "whisper-small")
    project.librarian(*added)
    project.librarian("run", "job.yaml", "--set", "steps.words.with.attempts=1")
    project.librarian("verify", "--read-data")
    made = {name.rpartition("/")[2].partition(".")[2]: data for name, data in project.files().items()}
    words = json.loads(made["transcribe.words.json"])
    assert words["schema"] == "words/1" and words["words"]
    assert words["language"] in speech_folders.LANGUAGES
    assert {word["speaker"] for word in words["words"]} & {1, 2}
    assert made["convert_words.vtt.vtt"].startswith(b"WEBVTT")
    assert b"speaker_" in made["convert_words.srt.srt"]
    planned = json.loads(project.librarian("plan", "job.yaml", "--json", "--set", "steps.words.with.attempts=1").stdout)
    assert {(step["new"], step["redo"]) for step in planned["steps"]} == {(0, 0)}


def test_a_hostile_model_fails_its_task_and_says_why(project, tmp_path):
    model = speech_folders.whisper(tmp_path / "model")
    (model / "modeling_evil.py").write_text("raise SystemExit")
    project.librarian("init", code=None)
    project.librarian("models", "add", str(model), "--name", "ours", "--loader", "transformers")
    done = project.librarian("run", "job.yaml", "--set", "steps.words.with.model=ours", code=1)
    assert "it holds modeling_evil.py" in done.stderr

"""configs/whole-way.yaml: calls in, a show out, by every extension that ships for it, on one call of three files."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import speech_folders
from fake_comfyui import FakeComfy
from fake_language import EARS, FakeLanguage, stream_of
from harness import TOP, Archive, install

JOB = "configs/whole-way.yaml"
NAME = "Jane Miller"


@pytest.fixture
def way(archive: Archive) -> Archive:
    shutil.copytree(TOP / "configs", archive.root / "configs")
    return archive


def test_it_plans_without_complaint(way: Archive, tmp_path: Path) -> None:
    way.librarian("init")
    model = speech_folders.whisper(tmp_path / "whisper")  # of random weights
    way.librarian("models", "add", str(model), "--name", "whisper-small")
    planned = json.loads(way.librarian("plan", JOB, "--json").stdout)["steps"]
    assert {each["step"]: each["new"] for each in planned} == dict.fromkeys(
        (
            *("call", "even", "lines", "voice", "turns", "words", "spans", "given", "captions", "title", "scene"),
            *("painted", "picture", "level", "show"),
        ),
        1,
    )


def test_what_needs_no_weights_runs_without_them(way: Archive) -> None:
    said = way.librarian("plan", JOB, code=5).stderr
    assert "librarian models fetch whisper-small" in said
    for last in ("lines", "voice", "turns"):
        way.librarian("run", JOB, "--to", last)
    way.librarian("verify", "--read-data")
    assert way.librarian("plan", JOB, "--to", "turns").stderr.count("next: librarian run") == 0
    assert "next: librarian run configs/whole-way.yaml --to voice" in (
        way.librarian("plan", JOB, "--to", "voice", "--set", "steps.voice.with.rest=true").stderr
    )


def test_all_of_it_with_servers_that_answer(way: Archive, tmp_path: Path) -> None:
    """What is said is known here: an operation in the place of the speech model, whose weights are not at hand."""
    install(tmp_path / "site", way, "ears", EARS)
    (way.root / "configs" / "names.txt").write_text(f"{NAME}\n")
    with FakeLanguage().running() as language, FakeComfy().running() as comfy:
        language.said = [_answer]
        text = re.sub(r"use: transcribe, (.*), with: {model: whisper-small}", r"use: hear, \1", (TOP / JOB).read_text())
        text = text.replace("127.0.0.1:1234", language.address).replace("127.0.0.1:8188", comfy.address)
        text = text.replace("with: {tasks", f"with: {{server: '{language.address}', tasks")
        text = text.replace("    with:\n", f"    with:\n      servers: ['{comfy.address}']\n")
        (way.root / JOB).write_text(text.replace("# privacy: {names: names.txt}", "privacy: {names: names.txt}"))
        way.librarian("run", JOB)
        way.librarian("verify", "--read-data")
        way.librarian("run", JOB)
        assert (len(language.asked), len(comfy.graphs)) == (2, 1), "and nothing is done twice"
        left = [*language.texts, *(each.decode(errors="replace") for each in comfy.received)]
    assert not [each for each in left if "Jane" in each or "Miller" in each]
    assert comfy.graphs[0]["prompt"]["2"]["inputs"]["text"] == "A mill in the morning light.\n"
    made = way.files()
    for ending in (".srt", ".png", ".join.audio.flac", ".join.cue.cue", ".prompt.answer.json"):
        assert len([name for name in made if name.endswith(ending)]) == 1, ending
    given = {step["step"]: step["outputs"] for step in _planned(way)}
    assert {*given["show"].values(), *given["captions"].values()} == {"clean"}


def _planned(way: Archive) -> Any:
    return json.loads(way.librarian("plan", JOB, "--json").stdout)["steps"]


def _answer(request: Any) -> None:
    wanted = "response_format" in request.fake.asked[-1]
    said = json.dumps({"title": "The harvest", "others": []}) if wanted else "A mill in the morning light."
    request.stream(stream_of(said))


def test_a_show_of_what_is_private_is_refused(way: Archive, tmp_path: Path) -> None:
    install(tmp_path / "site", way, "ears", EARS)
    text = re.sub(r"use: transcribe, (.*), with: {model: whisper-small}", r"use: hear, \1", (TOP / JOB).read_text())
    (way.root / JOB).write_text(text.replace("from: level.audio, only", "from: even.audio, only"))
    said = way.librarian("plan", JOB, code=4).stderr
    assert "takes only what is clean, and even.audio, its input audio, is private" in said

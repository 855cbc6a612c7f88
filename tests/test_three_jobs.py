"""The jobs of the README's three people, on the recordings that ship: an archivist's, an engineer's, a developer's."""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import speech_folders
from harness import TOP, Archive, install

AMPLIFY = (TOP / "README.md").read_text().partition("```python\n")[2].partition("```")[0]


@pytest.fixture
def configs(archive: Archive) -> Archive:
    shutil.copytree(TOP / "configs", archive.root / "configs")
    return archive


def outcomes(archive: Archive) -> list[dict[str, Any]]:
    """Every outcome line, in order."""
    lines = [
        json.loads(line)["body"]
        for path in sorted((archive.root / "manifests").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [body for body in lines if body["type"] == "outcome"]


def everything_written(archive: Archive) -> bytes:
    """All that a run left, but for the vault and the files it was given."""
    places = [archive.root / name for name in ("library", "manifests", ".librarian")]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    names = "\n".join(str(path.relative_to(archive.root)) for path in files).encode()
    return names + b"".join(path.read_bytes() for path in files if not path.name.startswith("vault.db"))


ALONE = [path.name for path in sorted((TOP / "configs").glob("*.yaml")) if "hosts:" not in path.read_text()]
"""Jobs that need no server."""


@pytest.mark.parametrize("job", ALONE)
def test_every_job_in_configs_runs_is_verified_and_has_nothing_to_do_then(
    configs: Archive, job: str, tmp_path: Path
) -> None:
    if "model: whisper-small" in (configs.root / "configs" / job).read_text():
        configs.librarian("init")
        model = speech_folders.whisper(tmp_path / "whisper")  # of random weights
        configs.librarian("models", "add", str(model), "--name", "whisper-small")
    configs.librarian("run", f"configs/{job}")
    configs.librarian("verify", "--read-data")
    (manifest,) = (configs.root / "manifests").glob("*.jsonl")
    header = json.loads(manifest.read_text().partition("\n")[0])["body"]
    for package in {step["operation"].partition("/")[0] for step in header["steps"]}:
        needed = [re.split("[<>=;]", each)[0] for each in requires(package) or () if "extra ==" not in each]
        assert {package, *needed} <= header["versions"].keys()  # numpy as well as demucs
    before = configs.files()
    planned = json.loads(configs.librarian("plan", f"configs/{job}", "--json").stdout)
    assert [(step["new"], step["redo"]) for step in planned["steps"]] == [(0, 0)] * len(planned["steps"])
    configs.librarian("run", f"configs/{job}")
    assert configs.files() == before


class TestTheArchivist:
    """Interviews with shelf marks: found by them, set by a list, named by nothing."""

    def test_shelf_marks_are_answers_and_the_list_sets_what_it_says(self, configs: Archive) -> None:
        configs.librarian("run", "configs/conversations.yaml")
        shown = configs.librarian("show", "OH-2024-002").stdout
        assert "(OH-2024-002)" in shown
        targets = {
            configs.librarian("show", each["unit"]).stdout.split("(")[1].split(")")[0]: each["document"]["settings"]
            for each in outcomes(configs)
            if each["step"] == "voice"
        }
        assert {label: settings["target"] for label, settings in targets.items()} == {
            "OH-2024-001": -16.0,
            "OH-2024-002": -18.0,
            "OH-2024-003": -23.0,
        }

    def test_who_recorded_it_stands_nowhere(self, configs: Archive) -> None:
        said = configs.librarian("run", "configs/conversations.yaml")
        shown = configs.librarian("show", "OH-2024-001")
        for text in (everything_written(configs), (said.stdout + said.stderr + shown.stdout + shown.stderr).encode()):
            assert b"Allison" not in text
            assert b"June" not in text
            assert b"two_speakers" not in text

    def test_the_disk_may_be_away(self, configs: Archive) -> None:
        configs.librarian("run", "configs/conversations.yaml")
        shutil.rmtree(configs.root / "configs" / "recordings")
        for name in ("OH-2024-003", "two_channel_call.flac"):
            assert "OH-2024-003" in configs.librarian("trace", name).stdout


class TestTheEngineer:
    """Calls, by a script: JSON in, exit codes out."""

    def test_a_call_is_three_files_with_one_gain(self, configs: Archive) -> None:
        configs.librarian("run", "configs/calls.yaml", "--events", "events.jsonl")
        (even,) = (each for each in outcomes(configs) if each["step"] == "even")
        assert even["unit"].startswith("grp_")
        assert [each["role"] for each in even["consumed"]] == ["left", "right", "both"]
        assert [each["item"] for each in even["produced"]] == [1, 2, 3]
        assert len({each["facts"]["gain"] for each in even["produced"]}) == 1
        items = {each["unit"] for each in outcomes(configs) if each["step"] == "levels"}
        assert items == {each["id"] for each in even["produced"]}
        events = [json.loads(line) for line in (configs.root / "events.jsonl").read_text().splitlines()]
        assert events[-1]["event"] == "run_ended"
        assert events[-1]["counts"] == {"even": {"done": 1}, "levels": {"done": 3}}

    def test_the_number_in_the_names_stands_nowhere(self, configs: Archive) -> None:
        configs.librarian("run", "configs/calls.yaml")
        written = everything_written(configs)
        for number in (b"442079460123", b"2079460123"):
            assert number not in written

    def test_a_call_that_lacks_a_side_is_said_and_skipped(self, configs: Archive) -> None:
        (one,) = (configs.root / "configs" / "recordings" / "calls").glob("trans_out-*")
        one.unlink()
        planned = json.loads(configs.librarian("plan", "configs/calls.yaml", "--json").stdout)
        assert planned["incomplete"] == [{"entry": "calls", "role": "right", "groups": 1}]
        said = configs.librarian("run", "configs/calls.yaml", code=1).stderr
        assert "calls: 1 group without right" in said
        (even,) = (each for each in outcomes(configs) if each["step"] == "even")
        assert even["outcome"] == "skipped"
        assert even["absent"] == [{"port": "audio", "role": "right", "unit": None, "step": None}]

    def test_what_a_part_of_the_calls_lacks_is_said_of_that_part(self, configs: Archive) -> None:
        calls = configs.root / "configs" / "recordings" / "calls"
        for path in calls.glob("*-20240214-101730-*"):
            other = path.name.replace("20240214", "20240215")
            if not path.name.startswith("trans_out"):
                (calls / other).write_bytes(path.read_bytes() + b"\0")
        whole = json.loads(configs.librarian("plan", "configs/calls.yaml", "--json").stdout)
        part = json.loads(configs.librarian("plan", "configs/calls.yaml", "--json", "--only", "*-20240214-*").stdout)
        assert [each["groups"] for each in whole["incomplete"]] == [1]
        assert part["incomplete"] == []
        assert part["groups"] == 1

    def test_a_number_of_a_shelf_is_not_taken_for_a_name(self, configs: Archive) -> None:
        job = configs.root / "configs" / "calls.yaml"
        job.write_text(job.read_text().replace("    group:", "    label: '\\d{8}-\\d{6}'\n    group:"))
        configs.librarian("run", "configs/calls.yaml")
        assert "even" in configs.librarian("show", "20240214-101730").stdout

    def test_files_of_a_call_that_a_list_sets_differently_are_at_odds(self, configs: Archive) -> None:
        job = configs.root / "configs" / "calls.yaml"
        job.write_text(job.read_text().replace("    group:", "    list: recordings/calls.csv\n    group:"))
        number = "20240214-101730-+442079460123.wav"
        table = configs.root / "configs" / "recordings" / "calls.csv"
        table.write_text(f"file,target\nout-{number},-20\nrecv_out-{number},-18\n")
        said = configs.librarian("run", "configs/calls.yaml", code=2).stderr
        assert "in 1 group files have different settings for even; all files of a group need the same" in said
        assert not (configs.root / "library").exists()
        table.write_text(f"file,target,targt\nout-{number},-20,\nrecv_out-{number},-20,\n")
        said = configs.librarian("run", "configs/calls.yaml").stderr
        assert "the column targt of its list sets nothing; did you mean target?" in said
        assert "its list has no row for 1 file" in said
        (even,) = (each for each in outcomes(configs) if each["step"] == "even")
        assert even["document"]["settings"]["target"] == -20.0


class TestTheDeveloper:
    """Songs, with an operation of one's own; another one that is broken hurts only itself."""

    def test_an_operation_of_ones_own_in_a_job(self, configs: Archive, tmp_path: Path) -> None:
        site = tmp_path / "site"
        install(site, configs, "amplify", AMPLIFY)
        install(site, configs, "broken", "raise RuntimeError('call +1 555 123 4567')\n")
        job = configs.root / "configs" / "songs.yaml"
        job.write_text(
            job.read_text().replace(
                "steps:\n", "steps:\n  - {id: quiet, use: amplify, from: songs, with: {gain: -6 dB}}\n"
            )
        )
        configs.librarian("run", "configs/songs.yaml")
        configs.librarian("verify", "--read-data")
        listed = configs.librarian("extensions", code=3).stdout
        assert "amplify" in listed
        assert "librarian-broken" in listed
        assert "555 123" not in listed
        assert [each["outcome"] for each in outcomes(configs)] == ["done", "done", "done"]

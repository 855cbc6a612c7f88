"""The command itself, and what is installed under its name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from doctoring import found, lay_torch, of
from harness import SHIPPED, Archive, install


@pytest.fixture
def light(archive: Archive, tmp_path: Path) -> Archive:
    """An archive whose torch loads at once."""
    lay_torch(archive, tmp_path / "site")
    return archive


def test_a_sound_installation_is_said_to_be(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    told = json.loads(calls.librarian("doctor", "--json").stdout)
    extensions = {each["text"].split()[0]: each for each in told if each["what"] == "extension"}
    shipped = {f"librarian-{name}": "ok" for name in SHIPPED}
    assert {name: each["state"] for name, each in extensions.items()}.items() >= shipped.items()
    text = extensions["librarian-normalization"]["text"]
    assert re.fullmatch(r"librarian-normalization 0\.1\.0: normalize, .*measure", text)
    states = {each["what"]: each["state"] for each in told}
    sound = {"librarian", "project", "secrets", "lock", "record", "clock", "telemetry", "memory", "cache", "versions"}
    assert {name: states[name] for name in sound} == dict.fromkeys(sound, "ok")
    assert "name" not in states
    assert {each["code"] for each in told} == {0}
    shown = calls.librarian("doctor")
    assert {tuple(line.split()[:2]) for line in shown.stdout.splitlines()} == {(states[name], name) for name in states}
    assert shown.stderr == "nothing fails; next: librarian run job.yaml\n"


def test_it_works_where_there_is_no_project_and_names_no_folder(light: Archive) -> None:
    findings = found(light)
    assert of(findings, "project") == ("ok", "none here or above; make one with: librarian init")
    assert "fail" not in {state for _, state, _ in findings}
    assert not {
        what for what, _, text in findings if str(light.root.parent) in text or os.path.expanduser("~/") in text
    }
    assert light.librarian("doctor").stderr == "nothing fails; next: librarian init\n"


def test_it_ends_with_the_highest_code_of_what_fails(light: Archive, tmp_path: Path) -> None:
    install(tmp_path / "site", light, "bad", "raise ValueError('it is not well')\n")
    done = light.librarian("doctor", code=3)
    assert "fail  extension   librarian-bad 1.0: ValueError: it is not well; mend that, or type: pip" in done.stdout
    assert done.stderr == "mend what fails, and type the same again\n"
    light.environment.pop("LIBRARIAN_KEY")
    light.librarian("init")
    (light.root / ".librarian" / "keys" / "id").unlink()
    done = light.librarian("doctor", code=4)
    assert "fail  project     a key of this project is missing; it is never re-made: restore" in done.stdout


def test_a_check_that_cannot_be_made_keeps_no_other_from_being_made(light: Archive) -> None:
    light.librarian("init")
    (light.root / ".librarian" / "models.lock").mkdir()
    (light.root / ".librarian" / "project.toml").write_text("no such thing")
    findings = found(light, code=6)
    assert "restore it" in of(findings, "project")[1]
    assert of(findings, "models")[0] == "fail"
    assert of(findings, "memory")


def test_the_other_package_called_librarian_is_named_with_the_way_out(light: Archive, tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "librarian-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: librarian\nVersion: 1.0\n")
    state, text = of(found(light, code=6), "name")
    assert state == "fail"
    assert "pip uninstall librarian && pip install --force-reinstall --no-deps librarian-media" in text


def test_another_module_of_that_name_is_noticed(light: Archive, tmp_path: Path) -> None:
    other = tmp_path / "cards"
    other.mkdir()
    (other / "librarian.py").write_text("")
    ours = Path(__file__).parents[1]
    light.environment["PYTHONPATH"] = os.pathsep.join([light.environment["PYTHONPATH"], str(ours), str(other)])
    state, text = of(found(light, code=6), "name")
    assert (state, "its folder out of PYTHONPATH" in text, "cards" in text) == ("fail", True, False)


def test_another_program_of_that_name_that_comes_first_is_named(light: Archive, tmp_path: Path) -> None:
    other = tmp_path / "librarian"
    other.write_text("#!/bin/sh\npython -m librarian.cli\n")
    other.chmod(0o755)
    light.environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert "name" not in {what for what, _, _ in found(light)}
    other.write_text("#!/bin/sh\necho cards\n")
    state, text = of(found(light), "name")
    assert (state, "type: python -m librarian" in text) == ("warn", True)

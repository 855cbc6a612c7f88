"""The packages in docs/examples: what stands in their READMEs holds, and nobody gets them who did not ask for them."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from harness import TOP, Archive

from librarian.media import write_audio
from librarian.testing import voice_like

EXAMPLES = sorted(path for path in (TOP / "docs" / "examples").iterdir() if path.is_dir())
DOORS = r"^(?:from|import) (librarian(?:\.\w+)*)\b"
PUBLIC = {"librarian", "librarian.audio", "librarian.media", "librarian.testing"}


def package(example: Path) -> str:
    return str(tomllib.loads((example / "pyproject.toml").read_text())["project"]["name"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_readme_tells_every_setting_and_fact_and_its_job_can_be_run(
    archive: Archive, tmp_path: Path, example: Path
) -> None:
    readme = (example / "README.md").read_text()
    told = json.loads(archive.librarian("extensions", "--json").stdout)
    (operation,) = next(each["operations"] for each in told if each["package"] == package(example))
    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", readme, re.MULTILINE))))
    assert rows >= {*operation["settings_schema"]["properties"], *operation["facts"]}
    (job,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (archive.root / "job.yaml").write_text(job)
    for folder in ("interviews", "tapes"):
        (archive.root / folder).mkdir()
        sound = voice_like(0.5, 8000)
        write_audio(archive.root / folder / "one.wav", sound, 8000, audio_format="wav", bits=16, seed=1)
    sox = tmp_path / "sox"
    sox.write_text("#!/bin/sh\n")
    sox.chmod(0o755)
    archive.environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert "1 file" in archive.librarian("plan", "job.yaml").stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_it_is_installed_for_tests_alone_and_uses_public_doors_alone(example: Path) -> None:
    line = f"-e {example.relative_to(TOP)}"
    assert line in (TOP / "requirements-test.txt").read_text().splitlines()
    assert line not in (TOP / "requirements.txt").read_text()
    for path in example.rglob("*.py"):
        assert set(re.findall(DOORS, path.read_text(), re.MULTILINE)) <= PUBLIC, path.name

"""What the README shows is what happens: every command in it is run, and its output compared."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_comfyui import FakeComfy
from harness import TOP, Archive, install

README = (TOP / "README.md").read_text()
ANY_LINES = "…"
SET_UP = "make install && source .venv/bin/activate"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each `$ command` of a block and the lines shown below it."""
    for part in block.split("$ ")[1:]:
        command, *shown = part.strip("\n").split("\n")
        yield command, shown


def shape(line: str) -> str:
    """A line without what differs from run to run: ids, times, sizes, the number of workers."""
    line = re.sub(r"job_[0-9a-z]{26}", "JOB", line.rstrip())
    line = re.sub(r"rec_[a-z2-7]{13}", "REC", line)
    line = re.sub(r"\b\d?\d [A-Z][a-z]{2,8} \d{4}, \d\d:\d\d UTC", "WHEN", line)
    line = re.sub(r"art_[a-z2-7]{13}", "ART", line)
    line = re.sub(r"<([A-Z]+):[a-z2-7]{8}>", r"<\1>", line)
    line = re.sub(r"library/[a-z2-7]{2}/REC/(\w+)-[a-z2-7]{8}", r"library/XX/REC/\1-KEY", line)
    line = re.sub(r"\d+(\.\d+)? (s|workers?)\b", r"N \2", line).replace("N workers", "N worker")
    line = re.sub(r"\d+(\.\d+)? [KMGT]?i?B\b", "N B", line)
    return re.sub(r"(?<=\S) +", " ", line)  # columns are as wide as what stands in them


def matches(shown: list[str], said: list[str]) -> bool:
    """Whether the lines come in this order; `…` stands for any number of lines."""
    if not shown:
        return not said
    if shown[0] == ANY_LINES:
        return any(matches(shown[1:], said[skipped:]) for skipped in range(len(said) + 1))
    return bool(said) and shape(shown[0]) == shape(said[0]) and matches(shown[1:], said[1:])


def on_a_terminal(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a person sees: stdout and stderr on one terminal."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "200"], stdin=theirs, check=True)
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the last process that held the terminal is gone
            break
        if not data:
            break
        said += data
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return re.sub("[^\n]*\x1b\\[2K", "", said.decode())  # what was erased is not there


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a stranger's clone holds of what the README uses, with a virtual environment that is set up."""
    folder = tmp_path / "clone"
    shutil.copytree(TOP / "configs", folder / "configs")
    (folder / "manifests").mkdir()
    (folder / "downloads" / "tiny").mkdir(parents=True)
    (folder / "downloads" / "tiny" / "tiny.th").write_bytes(bytes(1024))
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "requirements-test.txt", "constraints.txt"):
        shutil.copy2(TOP / name, folder / name)
    return folder


def test_every_command_does_what_the_readme_shows(clone: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    environment["LIBRARIAN_MODELS"] = str(clone.parent / "models")
    with_this = f"VENV={sys.prefix} -o {sys.prefix}/ready"  # the environment of the tests is set up already
    ran = []
    for block in blocks(README, "console"):
        for command, shown in commands(block):
            if command == SET_UP:
                continue  # this is the environment that the tests run in
            here = command.replace("make run", f"make run {with_this}")
            said = on_a_terminal(here, clone, environment).replace("\r", "").splitlines()
            assert matches(shown, said), f"$ {command}\n" + "\n".join(said)
            ran.append(command.split()[0])
    assert ran.count("librarian") == 16
    assert "make" in ran


def test_the_job_file_that_it_shows_runs(archive: Archive) -> None:
    (job,) = blocks(README, "yaml")
    archive.job(job)
    (archive.root / "interviews" / "1987").mkdir(parents=True)
    source = next((TOP / "configs" / "recordings" / "conversations").glob("*.flac"))
    shutil.copy(source, archive.root / "interviews" / "1987" / "a.FLAC")
    assert "1 recording " in archive.librarian("run", "job.yaml").stderr


def test_the_record_that_it_shows_has_the_fields_of_a_real_one(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    (shown,) = (json.loads(block) for block in blocks(README, "json"))
    real = json.loads(next((calls.root / "manifests").glob("*.jsonl")).read_text().splitlines()[1])
    assert shown.keys() == real.keys()
    assert shown["body"].keys() == real["body"].keys()
    for name in ("document", "timings"):
        assert shown["body"][name].keys() == real["body"][name].keys()
    for name in ("consumed", "produced"):
        assert shown["body"][name][0].keys() == real["body"][name][0].keys()


def test_the_extension_that_it_shows_works(calls: Archive, tmp_path: Path) -> None:
    (code,) = blocks(README, "python")
    install(tmp_path / "site", calls, "amplify", code)
    file = next((calls.root / "calls").iterdir())
    calls.librarian("try", "amplify", str(file), "--with", "gain=-3 dB", "-o", "out")
    assert (calls.root / "out" / "amplify.audio.flac").is_file()


@pytest.mark.parametrize("extension", sorted(path.name for path in (TOP / "extensions").iterdir() if path.is_dir()))
def test_the_examples_in_the_readme_of_an_extension_run(archive: Archive, extension: str) -> None:
    text = (TOP / "extensions" / extension / "README.md").read_text()
    for job in blocks(text, "yaml"):
        shutil.copytree(TOP / "configs" / "comfyui", archive.root, dirs_exist_ok=True)
        calls = TOP / "configs" / "recordings" / "calls"
        shutil.copytree(calls, archive.root / "calls", dirs_exist_ok=True)
        (archive.root / "interviews").mkdir(exist_ok=True)
        shutil.copy(next(calls.glob("*.wav")), archive.root / "interviews" / "a.wav")
        with FakeComfy().running() as fake:
            archive.job(job.replace("127.0.0.1:8188", fake.address))
            archive.librarian("run", "job.yaml")


def test_init_writes_a_job_that_runs(archive: Archive) -> None:
    archive.librarian("init")
    (archive.root / "recordings").mkdir()
    shutil.copy(next((TOP / "configs" / "recordings" / "calls").glob("*.wav")), archive.root / "recordings" / "a.wav")
    archive.librarian("run", "job.yaml")


def test_every_command_has_a_line_in_the_table_and_helps(archive: Archive) -> None:
    from librarian.cli import COMMANDS

    for name, line in COMMANDS.items():
        said = archive.librarian(name, "--help").stdout
        assert line in " ".join(said.split())
        assert textwrap.dedent(said) == said

"""What docs/extensions.md shows is what happens: every block is run, parsed, or laid into the package that it shows."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import RECORDINGS, TOP, Archive, install
from scaffolded import lay
from test_readme import commands, matches, on_a_terminal

from librarian import hookspecs
from librarian.operation import Operation, Resources
from librarian.task import Task
from librarian.testing.suite import CHECKS

PAGE = (TOP / "docs" / "extensions.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
INSTALL = "pip install -e 'librarian-slow-fade[test]'"


def laid(root: Path, block: str) -> Path:
    """A file of the page, which its first line names."""
    first, _, text = block.partition("\n")
    path = root / first.removeprefix("# ")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def typed(archive: Archive, block: str) -> Iterator[str]:
    """Type the commands of a block, and compare what they say."""
    environment = {**os.environ, **archive.variables(), "LC_ALL": "C.UTF-8"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for command, shown in commands(block):
        if command == INSTALL:
            lay(archive.root / "librarian-slow-fade", Path(archive.environment["PYTHONPATH"]))
        else:
            said = on_a_terminal(command, archive.root, environment).replace("\r", "").splitlines()
            assert matches(shown, said), f"$ {command}\n" + "\n".join(said)
        yield command


def test_every_block_does_what_the_page_says(archive: Archive) -> None:
    site = archive.root.parent / "site"
    site.mkdir()
    archive.environment["PYTHONPATH"] = str(site)
    call = next((RECORDINGS / "calls").glob("out-*.wav"), next((RECORDINGS / "calls").glob("*.wav")))
    (archive.root / "interviews").mkdir()
    for place in (archive.root / "interview.wav", archive.root / "interviews" / "a.wav"):
        shutil.copy(call, place)
    ran: list[str] = []
    for language, block in BLOCK.findall(PAGE):
        if language == "console":
            ran += typed(archive, block)
        elif language == "yaml":
            archive.job(block)
            assert "even  1 done" in archive.librarian("run", "job.yaml").stderr
        elif language == "python" and block.startswith("# batch/"):
            install(site, archive, "loud", laid(archive.root, block).read_text())
            archive.librarian("try", "loud", "interview.wav")
        elif language == "python":
            laid(archive.root, block)
        else:
            assert language == "toml"
            shown, real = (tomllib.loads(text)["project"] for text in (block, pyproject(archive)))
            assert shown == {name: real[name] for name in shown}
    assert [command.split()[0] for command in ran].count("librarian") == 5
    checked = archive.librarian("extensions", "check", "slow-fade").stdout
    assert "failed" not in checked


def pyproject(archive: Archive) -> str:
    return (archive.root / "librarian-slow-fade" / "pyproject.toml").read_text()


@pytest.mark.parametrize("of", [Operation, Resources, Task, hookspecs])
def test_the_page_names_all_that_there_is(of: object) -> None:
    if dataclasses.is_dataclass(of):
        names = [field.name for field in dataclasses.fields(of)]
    elif of is Resources:
        names = list(Resources.model_fields)
    elif of is Task:
        names = [*Task.__annotations__, *(name for name in vars(Task) if not name.startswith("_"))]
    else:
        names = [name for name in vars(hookspecs) if name.startswith("librarian_")]
    assert not [name for name in names if not re.search(rf"\b{name}\b", PAGE)]


def test_the_page_names_every_check() -> None:
    told = re.findall(r"^\| `([a-z ]+)` \| .* \| .* \|$", PAGE.split("## What is checked")[1], re.MULTILINE)
    assert told == ["import", *(name for name, _ in CHECKS)]

"""Fixtures: a command line in a process of its own, projects in temporary folders, extensions that exist for a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
RECORDINGS = TOP / "configs" / "recordings"
KEY = "a key of the tests, long enough"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-recordings", type=Path, help="folder with the recordings in full length")


@pytest.fixture(scope="session")
def full_recordings(request: pytest.FixtureRequest) -> Path:
    """The recordings in full length; tests that want them say when they have to do without."""
    folder = request.config.getoption("--full-recordings")
    if folder is None:
        pytest.skip("wants the recordings in full length: --full-recordings FOLDER")
    return Path(folder)


@dataclass
class Archive:
    """A folder with a job file and recordings, and the command line in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def job(self, text: str, name: str = "job.yaml") -> Path:
        """Write a job file."""
        path = self.root / name
        path.write_text(textwrap.dedent(text))
        return path

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start the command line."""
        command = [sys.executable, "-P", "-m", "librarian", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )

    def librarian(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line and look at its exit code (None: any)."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        done = subprocess.CompletedProcess(arguments, process.returncode, out, err)
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
        return done

    def files(self, folder: str = "library") -> dict[str, bytes]:
        """Every file below a folder, by its relative path."""
        top = self.root / folder
        return {path.relative_to(top).as_posix(): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty archive whose project takes its keys from the environment."""
    root = tmp_path / "archive"
    root.mkdir()
    return Archive(root, {"LIBRARIAN_KEY": KEY})


@pytest.fixture
def calls(archive: Archive) -> Archive:
    """An archive with three recordings of a call and a job that normalizes them."""
    shutil.copytree(RECORDINGS / "calls", archive.root / "calls")
    archive.job(
        """\
        librarian: 1
        name: calls
        recordings:
          - {id: calls, path: calls/*.wav}
        steps:
          - {id: voice, use: normalize, with: {target: -20 LUFS}}
          - {id: check, use: measure, from: voice.audio}
        """
    )
    return archive


MakeExtension = Callable[..., Path]


@pytest.fixture
def make_extension(tmp_path: Path, archive: Archive) -> MakeExtension:
    """Install an extension for the archive's command line: `make_extension(name, code)`, entry point included."""
    return lambda name, code, **more: install(tmp_path / "site", archive, name, code, **more)


def install(site: Path, archive: Archive, name: str, code: str, *, version: str = "1.0") -> Path:
    """Lay a package and its metadata into a folder that is put on the module search path."""
    module = f"librarian_{name}"
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(textwrap.dedent(code))
    metadata = site / f"{module}-{version}.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: librarian-{name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[librarian]\n{name} = {module}\n")
    archive.environment["PYTHONPATH"] = str(site)
    return site / f"{module}.py"

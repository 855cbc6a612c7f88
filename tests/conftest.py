"""Fixtures: archives in temporary folders, recordings, extensions that exist for a test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import KEY, RECORDINGS, Archive, install
from hypothesis import settings

settings.register_profile("librarian", deadline=None)  # what is read or compiled when it is first needed takes longer
settings.load_profile("librarian")

for _name in ("COLUMNS", "LINES"):  # of the terminal from which the tests are started; pytest-xdist sets them too
    os.environ.pop(_name, None)


os.environ["LIBRARIAN_FRESH_OK"] = "1"  # what a test writes it has written when a run begins; test_fresh does without


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-recordings", type=Path, help="folder with the recordings in full length")
    parser.addoption("--crashes", type=int, default=8, help="how many random moments a run is killed at")
    parser.addoption("--points", type=int, default=1, help="how many calls each kind of fault strikes at; 0: all")


@pytest.fixture(scope="session")
def full_recordings(request: pytest.FixtureRequest) -> Path:
    """The recordings in full length; tests that want them say when they have to do without."""
    folder = request.config.getoption("--full-recordings")
    if folder is None:
        pytest.skip("wants the recordings in full length: --full-recordings FOLDER")
    return Path(folder)


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

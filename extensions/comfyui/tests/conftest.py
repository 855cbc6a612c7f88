"""Servers and a task for the tests of the bridge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bridging import FakeTask
from fake_comfyui import VERSIONS, FakeComfy


@pytest.fixture(params=VERSIONS)
def fake(request: pytest.FixtureRequest) -> Iterator[FakeComfy]:
    with FakeComfy(request.param).running() as found:
        yield found


@pytest.fixture
def new() -> Iterator[FakeComfy]:
    with FakeComfy().running() as found:
        yield found


@pytest.fixture
def task(tmp_path: Path) -> FakeTask:
    (tmp_path / "task").mkdir()
    return FakeTask(tmp_path / "task")

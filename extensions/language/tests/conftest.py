from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_language import FakeLanguage, FakeTask

from librarian import Artifact
from librarian.kinds import Data
from librarian_language import PromptSettings
from librarian_language.prompter import Prompter


@pytest.fixture
def fake() -> Iterator[FakeLanguage]:
    with FakeLanguage().running() as found:
        yield found


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., Artifact]:
    """A file as a task is given it: a text, or data."""
    numbers = itertools.count(1)

    def make(value: str | bytes | Data, **more: Any) -> Artifact:
        path = tmp_path / f"input{next(numbers)}"
        if isinstance(value, Data):
            path.write_text(json.dumps({"schema": value.word, **value.model_dump(mode="json")}))
            return Artifact(path, value.word, **more)
        path.write_bytes(value if isinstance(value, bytes) else value.encode())
        return Artifact(path, "text", **more)

    return make


@pytest.fixture
def task(tmp_path: Path, artifact: Callable[..., Artifact]) -> FakeTask:
    (tmp_path / "task").mkdir()
    return FakeTask(tmp_path / "task", {"text": artifact("They talk about the harvest.")})


@pytest.fixture
def ask(fake: FakeLanguage, task: FakeTask) -> Callable[..., Any]:
    """What comes of a task: its output, or what it raises; in its folder lies nothing that failed."""

    def run(schema: Any = None, template: str = "A title: {text}", given: Any = None, **more: Any) -> Any:
        prompt = {"template": template, "schema": schema, **(given or {})}
        before = {*task.folder.iterdir()}
        settings = PromptSettings.model_validate({"server": fake.address, "tasks": {"title": prompt}, **more})
        try:
            return Prompter(settings, "cpu")(task)["answer"]  # type: ignore[arg-type]
        except Exception:
            assert {*task.folder.iterdir()} == before
            raise

    return run

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fake_language import FakeLanguage

from librarian import Data, Event, Events, Turns, Word, Words
from librarian.testing import Conformance
from librarian_language import Answer

GIVEN = {
    Words.word: Words(language="en", words=[Word(start=0, end=1, text="so")]),
    Turns.word: Turns(speakers=0, counted="given", turns=[], exclusive=[]),
    Events.word: Events(events=[Event(start=0, end=1, label="dog")]),
    Answer.word: Answer(task="x", model="y", answer=[1]),
}


class OnAServer(Conformance):
    package = "librarian-language"
    settings: ClassVar[Mapping[str, Any]]
    template = "{text} {words} {turns} {events} {answer}"
    schema: ClassVar[Any] = None
    files = 2

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with FakeLanguage('{"a": 1}').running() as fake:
            prompt = {"template": self.template, "schema": self.schema}
            type(self).settings = {"server": fake.address, "tasks": {"title": prompt}}
            yield

    def input(self, name: str, kind: str, folder: Path) -> Path | Data:
        if made := GIVEN.get(kind):
            return made
        (folder / name).write_text("so it was")
        return folder / name


class TestPrompt(OnAServer):
    operation = "prompt"
    template = "{text}"


class TestPromptGroup(OnAServer):
    operation = "prompt_group"
    schema: ClassVar[Any] = {"type": "object"}


class TestPromptJob(OnAServer):
    operation = "prompt_job"

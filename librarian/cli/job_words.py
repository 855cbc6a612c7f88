"""Words of a job file: those that the owner chose, those that are his alone, those that an extension offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from librarian.job import Read
from librarian.operation import Declaration


def chosen_words(text: Read) -> set[str]:
    """Names of the job, of its steps and recordings, and roles: they stand in records."""
    entries = text.file.recordings if text.file else []
    words = {text.file.name} if text.file else set()
    words |= {role for entry in entries for role in (entry.roles or {}).values()}
    return words | {entry.id for entry in entries} | {step.id for step in text.steps.values()}


def given_texts(text: Read) -> Iterator[str]:
    """Every text that stands in the settings of a step: but for the words that are offered, none may come back."""
    return texts(step.with_ for step in text.steps.values())


def offered_words(declarations: Iterable[Declaration]) -> Iterator[str]:
    """The words that settings have to choose from: a message that lists them is to be read."""
    waiting: list[object] = [each.settings_schema for each in declarations]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield from texts((each.get("enum"), each.get("const")))
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def texts(values: Iterable[object]) -> Iterator[str]:
    """Every text in some values."""
    waiting = list(values)
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, Sequence):
            waiting.extend(each)

"""Words of a job file: those that the owner chose, and those that are his alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from librarian.job import Read


def chosen_words(text: Read) -> set[str]:
    """Names of the job, of its steps and recordings, and roles: they stand in records."""
    entries = text.file.recordings if text.file else []
    words = {text.file.name} if text.file else set()
    words |= {role for entry in entries for role in (entry.roles or {}).values()}
    return words | {entry.id for entry in entries} | {step.id for step in text.steps.values()}


def given_texts(text: Read) -> Iterator[str]:
    """Every text that stands in the settings of a step: but for words that settings declare, none may come back."""
    return texts(step.with_ for step in text.steps.values())


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

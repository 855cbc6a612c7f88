"""Names that a model finds in lines of text: asked of a worker, many lines at a time, for `privacy scrub --ner`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from librarian.cli.place import installed_models
from librarian.errors import ModelMissingError, RefusedError, UsageError

if TYPE_CHECKING:
    from librarian.models.installed import Installed

LINES_AT_ONCE = 64
CHARACTERS_AT_ONCE = 1 << 18
LONGEST_LINE = 4_000_000
TIMEOUT = 600.0
"""Of one question, the loading of the model included (s)."""
_SURROGATE = re.compile("[\ud800-\udfff]")

Line = tuple[str, bytes]
Found = tuple[str, bytes, list[tuple[int, int]]]
"""A line's text, what ends it, and where names stand in it."""
Find = Callable[[Iterable[Line]], Iterator[Found]]


@contextlib.contextmanager
def finder_of(context: click.Context, model: str | None) -> Iterator[Find]:
    """What finds names in lines: a model in a worker, or nothing where none is named.

    Raises:
        ModelMissingError: there is no such model.
    """
    if model is None:
        yield lambda lines: ((text, end, []) for text, end in lines)
        return
    from librarian.cli.working import workers_for
    from librarian.workers import requests
    from librarian.workers.asking import ask

    given = _given(installed_models(context), model)
    with workers_for(1, lambda line: None) as workers:

        def names(texts: list[str]) -> list[list[tuple[int, int]]]:
            answer = ask(workers, requests.find_names(texts, model, given), TIMEOUT)
            if answer["type"] != "done":
                why = answer.get("cause", {})
                said = why.get("message") if why.get("reason") in ("refused", "model_missing") else ""
                raise RefusedError(
                    said or f"the model {model} could not look for names ({_told(why)}); nothing more is written"
                )
            return [[(start, end) for start, end, _ in hits] for hits in answer["found"]]

        yield lambda lines: _find(lines, names)


def _given(installed: Installed, model: str) -> dict[str, object]:
    if model not in installed.lock.by_name:
        raise ModelMissingError(
            f"the model {model} is not installed; type: librarian models add FOLDER --name {model} "
            "(a token classification of transformers: config.json, tokenizer.json, model.safetensors)"
        )
    return installed.given([model])


def _told(why: dict[str, object]) -> str:
    """A cause without its message, which may quote the text."""
    return (
        " ".join(str(why[name]) for name in ("reason", "exception", "signal", "exit_code") if why.get(name)) or "error"
    )


def _find(lines: Iterable[Line], names: Callable[[list[str]], list[list[tuple[int, int]]]]) -> Iterator[Found]:
    for some in _batches(lines):
        if any(len(text) > LONGEST_LINE for text, _ in some):
            raise UsageError(f"--ner takes no line of more than {LONGEST_LINE:,} characters; break it")
        texts = [_SURROGATE.sub("?", text) for text, _ in some]  # as long as before, and sendable
        for (text, end), found in zip(some, names(texts), strict=True):
            yield text, end, found


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line[0])
        if len(batch) >= LINES_AT_ONCE or size >= CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

"""Changes to a job file as they are typed: `steps.voice.with.target=-20`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from librarian.errors import UsageError
from librarian.job.yamltext import Document, Place, YamlProblemError, parse

_FORM = "--set takes PLACE=VALUE, such as: --set steps.voice.with.target=-20"


def place_of(change: str) -> str:
    """The place that a change names.

    Raises:
        UsageError: it has no such form.
    """
    place, equals, _ = change.partition("=")
    if not equals or not all(place.split(".")):
        raise UsageError(_FORM)
    return place


def apply(change: str, document: Document) -> None:
    """Put a change into a job file that was read. What it adds stands, for messages, where the nearest part of it does.

    Raises:
        UsageError: it has no such form, or no such place.
    """
    place = place_of(change)
    try:
        value = parse(change.partition("=")[2].encode(errors="surrogateescape")).data
    except YamlProblemError:
        raise UsageError(_FORM) from None
    *way, last = place.split(".")
    at: Any = document.data
    found: Place = ()
    for done, part in enumerate(way):
        name = _within(at, part, ".".join(way[: done + 1]))
        at, found = at[name], (*found, name)
    if isinstance(at, dict):
        at[last], found = value, (*found, last)
    elif isinstance(at, list) and last.isdecimal() and int(last) < len(at):
        at[int(last)], found = value, (*found, int(last))
    else:
        raise UsageError(f"--set {place}: there is no such place")
    line, column = document.position(found)
    for each in (*(found[:length] for length in range(1, len(found))), *_places(value, found)):
        document.positions.setdefault(each, (line - 1, column - 1))


def _places(value: Any, place: Place) -> Iterator[Place]:
    """The places of a value and of everything in it."""
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in parts:
        yield from _places(each, (*place, name))


def _within(at: Any, part: str, place: str) -> str | int:
    """What a part of a place leads to: a key, the number of the entry of a list that has that id or number."""
    if isinstance(at, dict):
        at.setdefault(part, {})
        return part
    if isinstance(at, list):
        ids = {each["id"]: number for number, each in enumerate(at) if isinstance(each, dict) and _has_id(each)}
        if part in ids:
            return ids[part]
        if part.isdecimal() and int(part) < len(at):
            return int(part)
        close = difflib.get_close_matches(part, ids, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(ids)}" if ids else ""
        raise UsageError(f"--set {place}: nothing there has that id{hint}")
    raise UsageError(f"--set {place}: there is no such place")


def _has_id(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("id"), str)

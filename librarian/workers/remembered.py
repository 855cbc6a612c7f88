"""Answers of workers that are kept between runs: what is installed declares the same until its files change.

They lie in the user's cache folder and hold no text of the owner's: settings with free text are asked again each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from librarian.files import cache_folder, write_file
from librarian.operation import TEXT, Resolved

MOST_KEPT = 500
MOST_FILES = 2000
"""Of one package: a larger one is asked each time, which is quicker than looking at all of its files."""


def state_of(point: EntryPoint) -> str:
    """What an extension's answers hang on: its version and files, ours, and Python's; empty where that is not known."""
    package = point.dist.name if point.dist else ""
    found = [sys.version, package, point.dist.version if point.dist else "", point.value]
    try:
        for module in (__name__.partition(".")[0], point.module.partition(".")[0]):
            found += _files(module)
    except (ImportError, OSError, ValueError):
        return ""
    return hashlib.sha256("\0".join(found).encode(errors="surrogateescape")).hexdigest()


def _files(module: str) -> Iterator[str]:
    spec = importlib.util.find_spec(module)  # a top-level name: found, not imported
    if spec is None or spec.origin is None:
        raise ImportError(module)
    tops = spec.submodule_search_locations or [spec.origin]
    number = 0
    for top in tops:
        for path in sorted(Path(top).rglob("*.py")) if os.path.isdir(top) else [Path(top)]:
            status = path.stat()
            number += 1
            if number > MOST_FILES:
                raise ImportError(module)
            yield f"{path} {status.st_size} {status.st_mtime_ns}"


def recall(question: str) -> dict[str, Any] | None:
    """The answer that was kept to a question."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_place(question).read_bytes())
        return found if isinstance(found, dict) else None
    return None


def keep(question: str, answer: dict[str, Any]) -> None:
    """Keep an answer. Where it cannot be kept it is asked for again."""
    with contextlib.suppress(OSError):
        place = _place(question)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(place, json.dumps(answer).encode())
        kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-MOST_KEPT]:
            old.unlink(missing_ok=True)


def has_text(given: Mapping[str, Any], resolved: Resolved) -> bool:
    """Whether settings that the owner gave hold a text of his, and not numbers and declared words only."""
    return any(not _is_plain(value, resolved.public.get(name)) for name, value in given.items())


def _is_plain(value: Any, public: Any) -> bool:
    texts, plain = set(_texts(value)), set(_texts(public))
    return not texts or isinstance(public, (int, float)) or (TEXT not in plain and texts <= plain)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from (str(name), *_texts(each))  # a key may be a text of the owner's too
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)


def _place(question: str) -> Path:
    name = hashlib.sha256(question.encode(errors="surrogateescape")).hexdigest()
    return cache_folder() / "answers" / f"{name}.json"

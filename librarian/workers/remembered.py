"""Answers of workers that are kept between runs: what is installed declares the same until its files change.

They lie in the user's cache folder and hold no text of the owner's: settings with free text are asked again each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from librarian.files import cache_folder, write_file
from librarian.operation import TEXT, Resolved

MOST_KEPT = 500


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
    public = resolved.public
    return any(
        TEXT in _texts(public.get(name)) if name in resolved.chosen else not _is_plain(value, public.get(name))
        for name, value in given.items()
    )


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

"""A part of a manifest that still proves itself: lines of other tasks are emptied, and the chain goes through all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from pathlib import Path

from librarian.keys import canonical


def excerpt(path: Path, kept: Set[int]) -> Iterator[bytes]:
    """The lines of a manifest, of outcomes only those that are kept with what they say.

    Args:
        path: the manifest.
        kept: numbers of lines.
    """
    with open(path, "rb") as file:
        for raw in file:
            line = json.loads(raw)
            if (
                line["body"]
                and line["body"].get("type") in ("outcome", "decision", "withdrawn")
                and line["seq"] not in kept
            ):
                raw = canonical({**line, "body": None}) + b"\n"  # noqa: PLW2901
            yield raw

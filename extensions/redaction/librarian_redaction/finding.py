"""What searches words for what is private."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from librarian import PrivateFinder
from librarian_redaction import SearchSettings

_LINE = re.compile(r"[\n;]")


def finder(settings: SearchSettings, more: Callable[[str], Any] | None = None) -> PrivateFinder:
    """What finds, with the lists of the settings: one a line, or parted by semicolons as in a cell of a table."""
    return PrivateFinder(level=settings.level, names=_lines(settings.names), allow=_lines(settings.allow), more=more)


def _lines(text: str) -> Sequence[str]:
    return [line for each in _LINE.split(text) if (line := each.strip())]

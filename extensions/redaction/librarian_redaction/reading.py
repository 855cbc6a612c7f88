"""Words and spans from files, and what searches them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from librarian import Artifact, Data, PrivateFinder, UnusableInputError
from librarian_redaction import SearchSettings

Kind = TypeVar("Kind", bound=Data)
_LINE = re.compile(r"[\n;]")


def read(artifact: Artifact, kind: type[Kind]) -> Kind:
    """What an input holds.

    Raises:
        UnusableInputError: `corrupt` where it holds something else.
    """
    try:
        document = json.loads(artifact.path.read_text(encoding="utf-8"))
        return kind.model_validate({name: value for name, value in document.items() if name != "schema"})
    except (ValueError, AttributeError, RecursionError):
        raise UnusableInputError("corrupt", f"it holds no {kind.word}") from None


def finder(settings: SearchSettings, more: Callable[[str], Any] | None = None) -> PrivateFinder:
    """What finds, with the lists of the settings: one a line, or parted by semicolons as in a cell of a table."""
    return PrivateFinder(level=settings.level, names=_lines(settings.names), allow=_lines(settings.allow), more=more)


def _lines(text: str) -> Sequence[str]:
    return [line for each in _LINE.split(text) if (line := each.strip())]

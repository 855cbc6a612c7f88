"""Words and turns from files."""

from __future__ import annotations

import json
from typing import TypeVar

from librarian import Artifact, Data, UnusableInputError

Kind = TypeVar("Kind", bound=Data)


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

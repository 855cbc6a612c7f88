"""Turns from a file."""

from __future__ import annotations

import json

from librarian import Artifact, Turns, UnusableInputError


def turns_of(artifact: Artifact) -> Turns:
    """The turns that an input holds.

    Raises:
        UnusableInputError: `corrupt` where it holds no turns.
    """
    try:
        document = json.loads(artifact.path.read_text(encoding="utf-8"))
        return Turns.model_validate({name: value for name, value in document.items() if name != "schema"})
    except (ValueError, AttributeError, RecursionError):
        raise UnusableInputError("corrupt", f"it holds no {Turns.word}") from None

"""Turns from a file."""

from __future__ import annotations

import json

from pydantic import ValidationError

from librarian import Artifact, Turns, UnusableInputError


def turns_of(artifact: Artifact) -> Turns:
    """The turns that an input holds.

    Raises:
        UnusableInputError: `corrupt` where it holds no turns.
    """
    try:
        document = json.loads(artifact.path.read_text(encoding="utf-8"))
        document.pop("schema", None)
        return Turns.model_validate(document)
    except (ValueError, AttributeError, RecursionError, ValidationError):
        raise UnusableInputError("corrupt", f"it holds no {Turns.word}") from None

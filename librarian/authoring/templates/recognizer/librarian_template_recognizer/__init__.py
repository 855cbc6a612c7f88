"""An extension for librarian: what must be kept out of every record, log and message, as data."""

from __future__ import annotations

from typing import Any

from librarian import hookimpl

LIBRARIAN_API = 1
"""The version of the contract that this is written for."""
RECOGNIZERS: list[dict[str, Any]] = [
    {
        "type": "MEMBER",
        "pattern": r"\b[A-Z]{2}-\d{6}\b",
        "cues": ["member", "member no", "membership"],
    },
    {
        "type": "SHELF",
        "pattern": r"\bPRIV/\d{4}/\d{1,5}\b",
    },
]
"""Kinds of personal data: the word in pseudonyms, an RE2 pattern, and, where the pattern alone says too little, cues of
which one stands before it."""


@hookimpl
def librarian_recognizers() -> list[dict[str, Any]]:
    """Numbers of members, and shelf marks of private papers."""
    return RECOGNIZERS

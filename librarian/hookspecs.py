"""The hooks of librarian. Three, and no more until two extensions need another."""

from __future__ import annotations

from typing import Any

import pluggy

from librarian.operation import Operation

PROJECT = "librarian"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def librarian_operations() -> list[Operation]:  # type: ignore[empty-body]
    """The operations this extension offers."""


@hookspec
def librarian_recognizers() -> list[dict[str, Any]]:  # type: ignore[empty-body]
    """Kinds of personal data to look for: patterns, validators' names and cues. Data, not code."""


@hookspec
def librarian_checks() -> list[dict[str, Any]]:  # type: ignore[empty-body]
    """What `librarian doctor` should check for this extension."""

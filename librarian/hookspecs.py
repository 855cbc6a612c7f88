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
    """Kinds of personal data to look for: patterns, validators' names and cues. Data, not code.

    Each is a mapping: `type` (2 to 16 capital letters), `pattern` (RE2; letters beyond ASCII are 0xE9 to it; one group,
    if there is one, is the hit) and, if wanted, `cues` (words of which one stands before it) and `validator` (a name in
    `librarian.privacy.validators`).
    """


@hookspec
def librarian_checks() -> list[dict[str, Any]]:  # type: ignore[empty-body]
    """What `librarian doctor` should say of this extension, as it stands on this machine now.

    It is called in a worker, without network, and has 30 s. Each is a mapping: `what` (a word such as `encoder`),
    `state` (`ok`, `warn`, `fail`) and `text` (one line; where it is not ok, with what to do about it).
    """

"""What an extension says of itself on this machine, as it stands now: its hook `librarian_checks`.

A worker asks it, within a time limit: a check that raises, hangs or ends its process is answered as a failure, and the
next extension gets a worker of its own.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic import Field as Constrained

from librarian.errors import ExtensionError
from librarian.operation import NAME_PATTERN
from librarian.workers import requests
from librarian.workers.asking import Workers, ask
from librarian.workers.declared import Extension, reason_of

SECONDS = 30.0
MOST_CHECKS = 100


class Check(BaseModel):
    """One thing that an extension looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    what: str = Constrained(pattern=NAME_PATTERN)
    state: Literal["ok", "warn", "fail"]
    text: str = Constrained(min_length=1, max_length=1000)


_CHECKS = TypeAdapter(list[Check])


def checks_of(extension: Extension, workers: Workers, seconds: float = SECONDS) -> list[Check]:
    """What an extension found; nothing where it has no checks. It is to be scrubbed before it is shown.

    Args:
        extension: one that can be used.
        workers: who ask it.
        seconds: how long it may take.

    Raises:
        ExtensionError: its checks raise, take too long, or give something else.
    """
    _, _, value = extension.made_of
    answer = ask(workers, requests.checks(extension.package, value), seconds)
    if answer["type"] != "done":
        raise ExtensionError(f"its checks do not work: {reason_of(answer)}")
    try:
        found = _CHECKS.validate_python(answer["checks"])
    except (ValidationError, KeyError):
        raise ExtensionError("its checks do not work: they give no list of what, state and text") from None
    if len(found) > MOST_CHECKS:
        raise ExtensionError(f"its checks do not work: they give more than {MOST_CHECKS}")
    return found

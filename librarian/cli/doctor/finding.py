"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from librarian.errors import EnvironmentFailedError, ExtensionError, MissingError, RefusedError
from librarian.privacy.scrub import Scrubber

EXTENSION, PRIVACY, MISSING, ENVIRONMENT = (
    error.exit_code for error in (ExtensionError, RefusedError, MissingError, EnvironmentFailedError)
)
State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: what it is.
        state: how it is.
        text: the same in words; where it is not ok, with what to do about it.
        code: the exit code that it asks for; 0 unless it fails.
    """

    what: str
    state: State
    text: str
    code: int = 0

    def scrubbed(self, scrubber: Scrubber, longest: int) -> Self:
        """It, naming no one."""
        return replace(self, text=scrubber.scrub(self.text, limit=longest))


def ok(what: str, text: str) -> Finding:
    """Something that is as it should be."""
    return Finding(what, "ok", text)


def warn(what: str, text: str) -> Finding:
    """Something that works, and not as well or as safely as it might."""
    return Finding(what, "warn", text)


def fail(what: str, text: str, code: int = 1) -> Finding:
    """Something that has to be mended."""
    return Finding(what, "fail", text, code)

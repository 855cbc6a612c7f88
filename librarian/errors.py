"""What can go wrong, and the exit code that says so.

LibrarianError                  1
├── UsageError                  2  the command line, or where it was typed
│   └── JobError                2  the job file: every problem, one line each
├── ExtensionError              3  an extension is missing or broken
├── RefusedError                4  privacy or policy
├── MissingError                5  a model, a tool or a device
│   └── ModelMissingError       5  in a worker: a model is not there, or its files are not what models.lock says
└── EnvironmentFailedError      6  disk, permission, lock

UnusableInputError              raised by an extension: the recording itself cannot be worked on
UnreachableError                raised by an extension: its servers do not answer
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

CauseClass = Literal[
    "corrupt",
    "too_short",
    "silent",
    "unsupported",
    "review",
    "out_of_memory",
    "timeout",
    "crash",
    "bad_output",
    "model_missing",
    "privacy",
    "refused",
    "input_changed",
    "input_failed",
    "absent",
    "unreadable",
    "interrupted",
    "disk",
    "unreachable",
    "breaker",
    "error",
]
"""Why a task did not end well. Words of the record: they may be added to, never changed."""

CAUSE_CLASSES: frozenset[str] = frozenset(get_args(CauseClass))
OF_THE_RECORDING: frozenset[str] = frozenset({"corrupt", "too_short", "silent", "unsupported"})
"""Causes that lie in the recording: the same task fails again, whenever it is tried."""
REMEMBERED: frozenset[str] = OF_THE_RECORDING | {"review"}
"""Causes for which a task is not tried again before something that it is made from changes."""


class LibrarianError(Exception):
    """The base of everything librarian raises on purpose. `exit_code` is the process's answer."""

    exit_code = 1


class UsageError(LibrarianError):
    """The command cannot be carried out as it was typed."""

    exit_code = 2


class JobError(UsageError):
    """A job file that cannot be run. `problems` holds one line each, place first."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ExtensionError(LibrarianError):
    """An extension that a job names is missing or broken."""

    exit_code = 3


class RefusedError(LibrarianError):
    """Privacy or policy forbids it."""

    exit_code = 4


class MissingError(LibrarianError):
    """A model, a tool or a device is not there."""

    exit_code = 5


class ModelMissingError(MissingError):
    """A model is not there, or its files are not what models.lock says."""


class EnvironmentFailedError(LibrarianError):
    """The disk is full, a permission is missing, a lock is held."""

    exit_code = 6


class UnusableInputError(Exception):
    """For extensions: this recording cannot be worked on, and why.

    Args:
        cause: `corrupt`, `too_short`, `silent` or `unsupported`; `review` where the owner has to look at an input
            first.
        message: one sentence; it is scrubbed before it is written anywhere.
    """

    def __init__(self, cause: Literal["corrupt", "too_short", "silent", "unsupported", "review"], message: str) -> None:
        super().__init__(message)
        self.cause: CauseClass = cause


class UnreachableError(Exception):
    """For extensions: no server of theirs answers. The task is tried again after a while, a few times.

    Args:
        message: one sentence; it is scrubbed before it is written anywhere.
    """

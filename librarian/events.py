"""What happens during a run, as typed events. Display and log are observers; nothing else prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from librarian.privacy.scrub import Scrubbed


@dataclass(frozen=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True)
class Said(Event):
    """Something worth a line."""

    text: Scrubbed


@dataclass(frozen=True)
class RunStarted(Event):
    """The job can run: all checks are passed, the scan is complete."""

    job: str
    name: str
    files: int
    bytes: int
    workers: int


@dataclass(frozen=True)
class TaskStarted(Event):
    """A worker was given a task."""

    step: str
    unit: str


@dataclass(frozen=True)
class TaskProgressed(Event):
    """A task said how much of it is done, 0 to 1."""

    step: str
    unit: str
    fraction: float


@dataclass(frozen=True)
class TaskEnded(Event):
    """A task's line is durable. `message` says why it did not end well; `facts` are those of its first output."""

    step: str
    unit: str
    outcome: str
    seconds: float
    reason: str
    message: Scrubbed
    facts: dict[str, float | int | bool | str | None]


@dataclass(frozen=True)
class RunEnded(Event):
    """The manifest is sealed. `counts` is step → outcome → tasks, cached ones included."""

    job: str
    recordings: int
    counts: dict[str, dict[str, int]]
    seconds: float
    interrupted: bool


Observer = Callable[[Event], None]

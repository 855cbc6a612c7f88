"""What happens during a run, as typed events. Display, status file and log are observers; nothing else prints.

As JSON Lines (`run --events FILE`), an event is its fields and `event`, its name: `{"event": "task_ended", "step": …}`.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the scrubber is heavy, and who has something scrubbed brings it
    from librarian.privacy.scrub import Scrubbed

FactValue = float | int | bool | str | None


@dataclass(frozen=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True)
class Said(Event):
    """Something worth a line."""

    text: Scrubbed


@dataclass(frozen=True)
class RunStarted(Event):
    """The job can run: all checks are passed, the scan is complete.

    Attributes:
        job: id of the job.
        name: its name.
        files: how many were found.
        bytes: size of all of them.
        workers: processes; 0 for none.
        expected: step → tasks, as far as names tell: files with the same content are one recording.
    """

    job: str
    name: str
    files: int
    bytes: int
    workers: int
    expected: dict[str, int]


@dataclass(frozen=True)
class TasksStand(Event):
    """Steps whose results for a recording are there already: nothing is done and no line is written."""

    unit: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class AllStand(Event):
    """Nothing has changed since there was nothing to do: nothing is done.

    Attributes:
        counts: step → tasks whose results are there.
        known: step → outcome → tasks that failed before, and are not tried again.
    """

    counts: dict[str, int]
    known: dict[str, dict[str, int]] = field(default_factory=dict)

    def ended(self) -> dict[str, dict[str, int]]:
        """Step → outcome → tasks."""
        return {step: {"cached": tasks, **self.known.get(step, {})} for step, tasks in self.counts.items()}


@dataclass(frozen=True)
class TasksFound(Event):
    """More to do came up with the items of a list. `counts` is step → tasks."""

    counts: dict[str, int]


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
    """A task's line is durable.

    Attributes:
        step: the step.
        unit: id of the unit.
        outcome: how it ended.
        seconds: time a worker and the commit spent on it.
        audio_seconds: length of the recording; 0 where it is not known.
        reason: why it did not end well; empty otherwise.
        message: the same in a sentence.
        facts: those of its first output.
        label: what the owner calls the unit in public; empty where he calls it nothing.
    """

    step: str
    unit: str
    outcome: str
    seconds: float
    audio_seconds: float
    reason: str
    message: Scrubbed
    facts: dict[str, FactValue]
    label: str = ""


@dataclass(frozen=True)
class Failures:
    """Tasks of a step that did not end well, for one cause.

    Attributes:
        step: the step.
        outcome: failed or skipped.
        reason: class of the cause.
        state: `new`; `known`, where they ended so the last time too; `settled`, where the owner decided about it.
        tasks: how many.
        tried: how many of them were tried this time.
        units: the ids of the first few.
    """

    step: str
    outcome: str
    reason: str
    state: str
    tasks: int
    tried: int
    units: tuple[str, ...]


@dataclass(frozen=True)
class TasksKnown(Event):
    """Tasks of a step that failed before and would fail again: they are not tried, and no line is written."""

    step: str
    outcome: str
    units: tuple[str, ...]


@dataclass(frozen=True)
class RunEnding(Event):
    """Something ends the run early: nothing new is begun.

    Attributes:
        why: `signal`, `time`, `disk` or `failures`.
        tasks: how many are waited for.
        seconds: how long at the most; None for as long as they take.
    """

    why: str
    tasks: int
    seconds: float | None


@dataclass(frozen=True)
class RunEnded(Event):
    """The manifest is sealed.

    Attributes:
        job: id of the job.
        recordings: how many there were.
        counts: step → outcome → tasks, cached ones included.
        seconds: how long it took.
        interrupted: whether a signal or the time ended it early.
        withheld: step → tasks that would have been done again and were left as they are.
        failures: what did not end well, by step and cause.
        absent: recordings and groups that earlier runs of the job had and this one did not find.
        fresh: files that had just changed and were left for the next run.
        held: whether so many are absent that what gathers all recordings was left as it is.
        newer: results that a person revised, and that the machine has made anew since.
        dropped: tasks whose results were kept until they were used, and went.
    """

    job: str
    recordings: int
    counts: dict[str, dict[str, int]]
    seconds: float
    interrupted: bool
    withheld: dict[str, int] = field(default_factory=dict)
    failures: tuple[Failures, ...] = ()
    absent: int = 0
    fresh: int = 0
    held: bool = False
    newer: int = 0
    dropped: int = 0

    @property
    def failed(self) -> bool:
        """Whether anything did not end well that the owner has not settled."""
        return any(each.state != "settled" for each in self.failures)


Observer = Callable[[Event], None]


def as_json(event: Event) -> dict[str, Any]:
    """An event as plain data."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    return {"event": name, **asdict(event)}


class Tally:
    """Where a run stands: an observer that counts.

    Attributes:
        started: the event that began the run; None before.
        expected: step → tasks, as far as is known.
        ended: step → outcome → tasks.
        running: (step, unit) → how much of it is done, 0 to 1.
        busy: step → seconds that workers spent.
        audio: step → seconds of sound that they went through.
        failure: the last task that failed.
        over: the event that ended the run; None before.
    """

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.expected: Counter[str] = Counter()
        self.ended: dict[str, Counter[str]] = defaultdict(Counter)
        self.running: dict[tuple[str, str], float] = {}
        self.busy: defaultdict[str, float] = defaultdict(float)
        self.audio: defaultdict[str, float] = defaultdict(float)
        self.failure: TaskEnded | None = None
        self.over: RunEnded | None = None
        self._began = time.monotonic()
        self._started: dict[tuple[str, str], float] = {}
        self._first: float | None = None

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case RunStarted():
                self.started, self._began = event, time.monotonic()
                self.expected = Counter(event.expected)
            case TasksFound():
                self.expected.update(event.counts)
            case TasksStand():
                for step in event.steps:
                    self.ended[step]["cached"] += 1
            case TasksKnown():
                self.ended[event.step][event.outcome] += len(event.units)
            case AllStand():
                for step, found in event.ended().items():
                    self.expected[step] = sum(found.values())
                    self.ended[step].update(found)
            case TaskStarted():
                self.running[event.step, event.unit] = 0.0
                self._started[event.step, event.unit] = time.monotonic()
            case TaskProgressed():
                self.running[event.step, event.unit] = event.fraction
            case TaskEnded():
                self._task(event)
            case RunEnded():
                self.over = event

    def _task(self, event: TaskEnded) -> None:
        self.running.pop((event.step, event.unit), None)
        began = self._started.pop((event.step, event.unit), None)
        self._first = self._first or began
        self.ended[event.step][event.outcome] += 1
        if event.outcome in ("failed", "skipped"):
            self.failure = event if event.outcome == "failed" else self.failure
        else:
            self.busy[event.step] += event.seconds
            self.audio[event.step] += event.audio_seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the run started."""
        return self.over.seconds if self.over else time.monotonic() - self._began

    def waiting(self, step: str) -> int:
        """Tasks of a step that have not ended, as far as names tell."""
        return max(0, self.expected[step] - self.ended[step].total())

    def speed(self, step: str) -> float | None:
        """Seconds of sound a worker goes through in a second of this step; None where nothing is known yet."""
        return self.audio[step] / self.busy[step] if self.busy[step] > 0 and self.audio[step] > 0 else None

    def left(self) -> float | None:
        """Seconds that the run will still take, from what its tasks took so far; None where nothing is known yet."""
        if not self.started:
            return None
        work = 0.0
        for step in self.started.expected:
            worked = self.ended[step]["done"] + self.ended[step]["degraded"]
            if self.waiting(step) and not worked:
                return None
            work += self.waiting(step) * self.busy[step] / max(1, worked)
        return work / self._at_once()

    def _at_once(self) -> float:
        """Seconds of tasks' work done in a second: as many as there are workers, but for what lies between tasks."""
        workers = max(1, self.started.workers if self.started else 1)
        now = time.monotonic()
        if self._first is None or now <= self._first:
            return workers
        done = sum(self.busy.values()) + sum(now - began for began in self._started.values())
        return min(workers, max(done / (now - self._first), 1e-3))

    def last_failure(self) -> dict[str, str] | None:
        """The last task that failed, as plain data."""
        failure = self.failure
        if failure is None:
            return None
        return {name: getattr(failure, name) for name in ("step", "unit", "label", "reason", "message")}

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data: what the status file holds."""
        started, over = self.started, self.over
        return {
            "job": started.job if started else None,
            "name": started.name if started else None,
            "state": "running" if not over else "interrupted" if over.interrupted else "complete",
            "elapsed": round(self.elapsed, 1),
            "left": None if (left := self.left()) is None else round(left, 1),
            "steps": {
                step: {
                    "ended": dict(self.ended[step]),
                    "waiting": 0 if over and not over.interrupted else self.waiting(step),
                    "speed": None if (speed := self.speed(step)) is None else round(speed, 1),
                }
                for step in (started.expected if started else ())
            },
            "running": [
                {"step": step, "unit": unit, "done": round(done, 3)} for (step, unit), done in self.running.items()
            ],
            "failure": self.last_failure(),
        }

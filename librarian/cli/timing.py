"""What the tasks of a job took, for `librarian show JOB --timing`, and what held it up."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from librarian.cli.recorded import columns
from librarian.cli.words import duration, plural, took
from librarian.manifest.history import History, Spent
from librarian.manifest.records import JobLine, Timings

PHASES = tuple(Timings.model_fields)
DOING = {
    "read": "reading its inputs",
    "load": "loading models",
    "compute": "computing",
    "write": "writing its outputs",
    "commit": "putting its results on the disk",
}
"""Phases in which a task is worked on, in words; all but `commit` keep a worker busy."""
BUSY = 0.5
"""Workers that are busy for this share of the time are what a job waits for."""
WORTH_NAMING = 0.3
"""Share of the time from which something that kept workers idle is named."""
SLOWEST = 3
FAST = 10
"""Times real time from which a speed is said without decimals."""
LEAST = 0.0005
"""Seconds under which a phase is left out."""


@dataclass
class StepTimes:
    """What the tasks of one step took.

    Attributes:
        tasks: how many.
        seconds: phase → seconds of each task.
        sounding: seconds of work of those tasks whose sound's length is known.
        audio_seconds: that length, in all.
    """

    tasks: int = 0
    seconds: dict[str, array[float]] = field(default_factory=lambda: {phase: array("d") for phase in PHASES})
    sounding: float = 0.0
    audio_seconds: float = 0.0

    def add(self, spent: Spent) -> None:
        """Count a task."""
        self.tasks += 1
        for phase, seconds in self.seconds.items():
            seconds.append(spent.seconds.get(phase, 0.0))
        if spent.audio_seconds:
            self.audio_seconds += spent.audio_seconds
            self.sounding += worked(spent)

    def total(self, *phases: str) -> float:
        """Seconds of all tasks in some phases."""
        return sum(sum(self.seconds[phase]) for phase in phases)

    @property
    def work(self) -> float:
        """Seconds that were spent on its tasks."""
        return self.total(*DOING)

    @property
    def speed(self) -> float | None:
        """Seconds of sound in a second of work; None where no length is known."""
        return self.audio_seconds / self.sounding if self.audio_seconds and self.sounding else None


@dataclass(frozen=True)
class JobTimes:
    """What the tasks of a job took.

    Attributes:
        elapsed: from its beginning to its end (s).
        workers: how many; 1 where tasks ran in the main process.
        steps: those with most work first.
        slowest: the longest tasks, the longest first.
        waited: the longest that a task of the first round waited, while workers started (s).
    """

    elapsed: float
    workers: int
    steps: dict[str, StepTimes]
    slowest: list[Spent]
    waited: float

    @property
    def work(self) -> float:
        """Seconds that were spent on all tasks."""
        return sum(each.work for each in self.steps.values())

    @property
    def busy(self) -> float:
        """The share of the time in which workers had a task."""
        at_work = sum(each.total(*DOING) - each.total("commit") for each in self.steps.values())
        return min(1.0, at_work / (self.workers * self.elapsed)) if self.elapsed else 1.0


def worked(spent: Spent) -> float:
    """Seconds that a task was worked on."""
    return sum(seconds for phase, seconds in spent.seconds.items() if phase in DOING)


def job_times(history: History, job: str) -> JobTimes:
    """What the tasks of a job took; its manifest is read once."""
    record = history.job(job)
    steps: dict[str, StepTimes] = {}
    slowest: list[tuple[float, int, Spent]] = []
    waited = 0.0
    workers = max(1, record.first.workers) if isinstance(record.first, JobLine) else 1
    for number, spent in enumerate(history.spent(job)):
        steps.setdefault(spent.step, StepTimes()).add(spent)
        waited = max(waited, spent.seconds["wait"] if number < workers else 0.0)
        slowest = heapq.nlargest(SLOWEST, [*slowest, (worked(spent), -number, spent)])
    by_work = dict(sorted(steps.items(), key=lambda each: -each[1].work))
    longest = [spent for _, _, spent in slowest]
    return JobTimes(history.elapsed(job, record), workers, by_work, longest, waited)


def bottleneck(times: JobTimes) -> tuple[str, str, str]:
    """What held a job up: a word for it, the step it is about (or none), and a sentence."""
    if not times.steps:
        return "nothing", "", "no task of it was worked on: what it asked for was done before, or could not begin"
    workers, whole = plural(times.workers, "worker"), duration(times.elapsed)
    busy = f"{workers} {'was' if times.workers == 1 else 'were'} busy {_percent(times.busy)} of the {whole}"
    if times.busy >= BUSY:
        step, phase, sentence = _busiest(times)
        return phase, step, f"{sentence}; {busy}"
    longest = times.slowest[0]
    idle = {
        "commit": sum(each.total("commit") for each in times.steps.values()),
        "one task": worked(longest) if times.workers > 1 else 0.0,
        "start-up": times.waited,
    }
    what = max(idle, key=lambda each: idle[each])
    if idle[what] < WORTH_NAMING * times.elapsed:
        return "starved", "", f"work came slowly: finding and hashing recordings held it up; {busy}"
    share = _percent(min(1.0, idle[what] / times.elapsed))
    sentences = {
        "commit": f"putting results on the disk took {share} of the time; {busy}",
        "one task": f"one task of {longest.step} took {share} of the time, and the rest had ended before; {busy}",
        "start-up": f"starting up held it up: the first tasks waited for a worker for {share} of the time; {busy}",
    }
    return what, longest.step if what == "one task" else "", sentences[what]


def _busiest(times: JobTimes) -> tuple[str, str, str]:
    """The step and the phase in which workers spent most time, and a sentence."""
    seconds = {
        (step, phase): each.total(phase) for step, each in times.steps.items() for phase in DOING if phase != "commit"
    }
    step, phase = max(seconds, key=lambda each: seconds[each])
    own = times.steps[step].work
    part = f"{step} takes {_percent(own / times.work)} of the work and" if len(times.steps) > 1 else step
    return step, phase, f"{part} spends {_percent(seconds[step, phase] / own)} of its time {DOING[phase]}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def timing_lines(history: History, job: str) -> Iterator[str]:
    """The sentence, and a block a step."""
    times = job_times(history, job)
    yield bottleneck(times)[2]
    for step, each in times.steps.items():
        speed = f", {each.speed:,.{0 if each.speed >= FAST else 1}f}× real time" if each.speed else ""
        yield f"{step}: {plural(each.tasks, 'task')}, {took(each.work)} of work{speed}"
        yield from columns(_rows(each))
    if times.slowest:
        yield "slowest"
        yield from columns((took(worked(each)), each.step, each.made or each.unit) for each in times.slowest)


def _rows(times: StepTimes) -> Iterator[tuple[str, ...]]:
    for phase in sorted(PHASES, key=lambda each: (each in DOING, times.total(each)), reverse=True):
        if (total := times.total(phase)) >= LEAST:
            share = _percent(total / times.work) if phase in DOING else ""
            yield phase, took(total), share, f"median {took(median(times.seconds[phase]))} a task"


def timing_json(history: History, job: str) -> dict[str, Any]:
    """All of it as data; every number of seconds unrounded."""
    times = job_times(history, job)
    what, step, sentence = bottleneck(times)
    return {
        "sentence": sentence,
        "bottleneck": {"what": what, "step": step or None},
        **{"elapsed": times.elapsed, "workers": times.workers, "busy": times.busy},
        "steps": {
            step: {
                **{"tasks": each.tasks, "audio_seconds": each.audio_seconds or None, "speed": each.speed},
                "seconds": {phase: each.total(phase) for phase in PHASES},
                "median": {phase: median(each.seconds[phase]) for phase in PHASES},
            }
            for step, each in times.steps.items()
        },
        "slowest": [
            {"step": each.step, "unit": each.unit, "artifact": each.made, "seconds": worked(each)}
            for each in times.slowest
        ],
    }

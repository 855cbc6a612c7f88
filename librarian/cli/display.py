"""What a run shows: a line a task, and a summary that ends with what to type next."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from librarian.events import Event, RunEnded, RunStarted, Said, TaskEnded
from librarian.manifest.records import GOOD
from librarian.operation import Declaration

_EVERY_SECONDS = 10.0
_OUTCOMES = ("done", "degraded", "cached", "failed", "skipped")


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:  # noqa: PLR2004
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


class Lines:
    """Shows events as plain lines: on a terminal each task, elsewhere failures, and the count every ten seconds."""

    def __init__(self, steps: Mapping[str, Declaration], show: Callable[[str], None], *, each_task: bool) -> None:
        self._steps, self._show, self._each_task = steps, show, each_task
        self._ended = 0
        self._shown = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show an event, if it is worth a line."""
        match event:
            case Said(text):
                self._show(text)
            case RunStarted():
                where = plural(event.workers, "worker") if event.workers else "no workers"
                self._show(f"{event.job}: {plural(event.files, 'file')}, {size(event.bytes)}, {where}")
            case TaskEnded():
                self._task(event)
            case RunEnded():
                self._summary(event)

    def _task(self, event: TaskEnded) -> None:
        self._ended += 1
        if event.outcome not in GOOD:
            why = event.reason.replace("_", " ") + (f": {event.message}" if event.message else "")
            self._show(f"  {event.outcome:<7} {event.step} {event.unit}  {why}")
        elif self._each_task:
            self._show(f"  {event.outcome:<7} {event.step} {event.unit}  {event.seconds:.2f} s  {self._facts(event)}")
        elif time.monotonic() - self._shown >= _EVERY_SECONDS:
            self._shown = time.monotonic()
            self._show(f"  {plural(self._ended, 'task')} ended")

    def _facts(self, event: TaskEnded) -> str:
        return fact_line(self._steps[event.step].facts, event.facts)

    def _summary(self, event: RunEnded) -> None:
        total = {name: sum(found.get(name, 0) for found in event.counts.values()) for name in _OUTCOMES}
        self._show(f"{plural(event.recordings, 'recording')} in {duration(event.seconds)}: {_counts(total)}")
        if len(event.counts) > 1:
            width = max(map(len, event.counts))
            for step, found in event.counts.items():
                self._show(f"  {step:<{width}}  {_counts(found)}")
        if event.interrupted:
            self._show("interrupted; nothing that was done is lost: type the same again to go on")


def _counts(found: dict[str, int]) -> str:
    words = {"cached": "done before"}
    shown = [f"{found[name]:,} {words.get(name, name)}" for name in _OUTCOMES if found.get(name)]
    return ", ".join(shown) or "nothing to do"


def fact_line(declared: Mapping[str, Mapping[str, Any]], facts: Mapping[str, object]) -> str:
    """The facts that an operation declares, in its order, with units."""
    shown = [_fact(name, facts.get(name), str(fact["unit"])) for name, fact in declared.items()]
    return ", ".join(each for each in shown if each)


def _fact(name: str, value: object, unit: str) -> str:
    if value is None:
        return ""
    shown = f"{value:.1f}" if isinstance(value, float) else str(value)
    return f"{name.replace('_', ' ')} {shown}{' ' + unit if unit else ''}"


def on_terminal() -> bool:
    """Whether talk goes to a person."""
    return sys.stderr.isatty()

"""What a run shows: a line a task, and a summary that ends with what to type next."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from librarian.cli.failures import failure_lines
from librarian.cli.words import duration, plural, say, size
from librarian.events import Event, Observer, RunEnded, RunEnding, RunStarted, Said, TaskEnded, TaskProgressed
from librarian.manifest.chain import GOOD

if TYPE_CHECKING:
    from librarian.operation import Declaration

_EVERY_SECONDS = 10.0
_OUTCOMES = ("done", "degraded", "cached", "failed", "skipped")


class Lines:
    """Shows events as plain lines: each task (or failures only), and every ten seconds how far it is."""

    def __init__(
        self, steps: Mapping[str, Declaration], show: Callable[[str], None], *, each_task: bool, ticks: bool = True
    ) -> None:
        self._steps, self._show, self._each_task, self._ticks = steps, show, each_task, ticks
        self._ended = 0
        self._last_line = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show an event, if it is worth a line."""
        match event:
            case Said(text):
                self._line(text)
            case RunStarted():
                where = plural(event.workers, "worker") if event.workers else "no workers"
                self._line(f"{event.job}: {plural(event.files, 'file')}, {size(event.bytes)}, {where}")
            case TaskEnded():
                self._task(event)
            case TaskProgressed():
                self._tick(f", {event.step} {event.unit} {event.fraction:.0%}")
            case RunEnding():
                self._line(_ending(event))
            case RunEnded():
                self._summary(event)

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._show(text)

    def _task(self, event: TaskEnded) -> None:
        self._ended += 1
        begin = f"  {event.outcome:<7} {event.step} {event.label or event.unit}  "
        if event.outcome not in GOOD:
            why = event.reason.replace("_", " ") + (f": {event.message}" if event.message else "")
            self._line(begin + why)
        elif self._each_task:
            self._line(f"{begin}{event.seconds:.2f} s  {fact_line(self._steps[event.step].facts, event.facts)}")
        else:
            self._tick("")

    def _tick(self, more: str) -> None:
        if self._ticks and time.monotonic() - self._last_line >= _EVERY_SECONDS:
            self._line(f"  {plural(self._ended, 'task')} ended{more}")

    def _summary(self, event: RunEnded) -> None:
        total = {name: sum(found.get(name, 0) for found in event.counts.values()) for name in _OUTCOMES}
        none = "none done" if event.interrupted else "nothing to do"
        self._line(f"{plural(event.recordings, 'recording')} in {duration(event.seconds)}: {_counts(total) or none}")
        if len(event.counts) > 1:
            width = max(map(len, event.counts))
            for step, found in event.counts.items():
                self._line(f"  {step:<{width}}  {_counts(found) or none}")
        if event.absent:
            self._line(f"absent: {event.absent:,} that earlier runs had; is a disk away? if they are gone: --absent-ok")
        if event.newer:
            anew = plural(event.newer, "revised result")
            self._line(f"{anew} made anew by the machine since, and kept beside yours; which: librarian revise --list")
        if event.dropped:
            self._line(f"dropped: results of {plural(event.dropped, 'task')}, which were kept until they were used")
        for line in failure_lines(event.failures):
            self._line(line)
        if event.interrupted:
            self._line("interrupted; nothing that was done is lost: type the same again to go on")


def _ending(event: RunEnding) -> str:
    why = {
        "signal": "stopping",
        "time": "the time is up",
        "disk": "the disk takes no more",
        "failures": "too many failed",
    }[event.why]
    if not event.tasks:
        return f"{why}: what is done is being recorded"
    longest = f", {duration(event.seconds)} at the most" if event.seconds is not None else ""
    again = "; a second time stops at once" if event.why == "signal" else ""
    return f"{why}: waiting for {plural(event.tasks, 'task')} under way{longest}{again}"


def failures_only(steps: Mapping[str, Declaration]) -> Observer:
    """Shows a line for each task that did not end well, and nothing else."""
    lines = Lines(steps, say, each_task=False, ticks=False)
    return lambda event: lines(event) if isinstance(event, TaskEnded) else None


def _counts(found: dict[str, int]) -> str:
    words = {"cached": "done before"}
    shown = [f"{found[name]:,} {words.get(name, name)}" for name in _OUTCOMES if found.get(name)]
    return ", ".join(shown)


def fact_line(declared: Mapping[str, Mapping[str, Any]], facts: Mapping[str, object]) -> str:
    """The facts that an operation declares, in its order: `loudness −26.7 → −23.0 LUFS, gain 3.7 dB, normalized`.

    A word stands by itself where it is the only one; of several each says what it is of.
    """
    there = {name: fact for name, fact in declared.items() if facts.get(name) is not None}
    several = sum(bool(fact["words"]) for fact in there.values()) > 1
    shown = [_fact(name, fact, facts, several) for name, fact in there.items()]
    return ", ".join(each for each in shown if each)


def _fact(name: str, fact: Mapping[str, Any], facts: Mapping[str, object], several: bool) -> str:
    if fact["words"]:
        return f"{name} {facts[name]}".replace("_", " ") if several else str(facts[name]).replace("_", " ")
    if name.endswith("_after") and name.replace("_after", "_before") in facts:
        return ""
    after = facts.get(name.replace("_before", "_after"))
    change = f" → {_number(after)}" if name.endswith("_before") and after is not None else ""
    words = name.removesuffix("_before").replace("_", " ") if change else name.replace("_", " ")
    return f"{words} {_number(facts[name])}{change} {fact['unit']}".rstrip()


def _number(value: object) -> str:
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return text.replace("-", "\N{MINUS SIGN}")


def on_terminal() -> bool:
    """Whether talk goes to a person."""
    return sys.stderr.isatty()

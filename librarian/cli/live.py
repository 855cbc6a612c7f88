"""The live display: a table on a terminal, a row a step, while a long run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from librarian.cli.status import failure_line
from librarian.cli.words import duration, size, times
from librarian.events import Event, RunEnded, RunStarted, Tally

WIDTH = 80
_REDRAWS_PER_SECOND = 4
_RUNNING_SHOWN = 3


class LiveTable:
    """Shows where a run stands; lines that others say appear above it.

    Args:
        tally: what is shown.
        library: whose disk is shown.
    """

    def __init__(self, tally: Tally, library: Path) -> None:
        self._tally, self._library = tally, library
        self._console = Console(stderr=True, highlight=False, soft_wrap=False)
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Begin and end with the run."""
        if isinstance(event, RunStarted):
            self._live = Live(
                console=self._console,
                get_renderable=self._drawn,
                refresh_per_second=_REDRAWS_PER_SECOND,
                transient=True,
            )
            self._live.start()
        elif isinstance(event, RunEnded):
            self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """A line above the table; below it once it is gone."""
        self._console.print(Text(text), soft_wrap=True)

    def _drawn(self) -> Group:
        return drawn(self._tally, min(WIDTH, self._console.width), shutil.disk_usage(self._library).free)


def drawn(tally: Tally, width: int, free: int) -> Group:
    """The table and the line below it."""
    table = Table(box=None, width=width, pad_edge=False, padding=(0, 1))
    table.add_column("step", ratio=1, no_wrap=True, overflow="ellipsis")
    for name in ("done", "before", "failed", "waiting", "speed"):
        table.add_column(name, justify="right", no_wrap=True)
    speeds = {step: tally.speed(step) for step in (tally.started.expected if tally.started else ())}
    known = [speed for speed in speeds.values() if speed]
    slowest = min(known) if len(known) > 1 else None
    for step, speed in speeds.items():
        ended = tally.ended[step]
        failed = ended["failed"] + ended["skipped"]
        table.add_row(
            step,
            f"{ended['done'] + ended['degraded']:,}",
            f"{ended['cached']:,}",
            Text(f"{failed:,}", style="bold red" if failed else ""),
            f"{tally.waiting(step):,}",
            Text(f"{times(speed)} {'slowest' if speed == slowest else '':<7}" if speed else " " * 8),
        )
    lines = [_foot(tally, free), *_running(tally), *_failure(tally)]
    return Group(table, *(Text(line, overflow="ellipsis", no_wrap=True) for line in lines))


def _foot(tally: Tally, free: int) -> str:
    left = tally.left()
    words = [
        duration(tally.elapsed),
        f"about {duration(left)} left" if left is not None else "time left: not known yet",
    ]
    return ", ".join([*words, f"{size(free)} free"])


def _failure(tally: Tally) -> list[str]:
    failure = tally.last_failure()
    return [failure_line(failure)] if failure else []


def _running(tally: Tally) -> list[str]:
    shown = [f"{step} {unit} {done:.0%}" for (step, unit), done in list(tally.running.items())[:_RUNNING_SHOWN] if done]
    return [" · ".join(shown)] if shown else []

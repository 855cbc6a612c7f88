"""Who watches a run: the display, the status file and the event stream, put together for one run."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from librarian.cli.display import Lines, failures_only, on_terminal
from librarian.cli.status import status_path
from librarian.cli.words import say
from librarian.events import Event, Observer, RunEnded, RunStarted, Tally, as_json
from librarian.files import naming, private
from librarian.project import Project

if TYPE_CHECKING:
    from librarian.operation import Declaration

FEW_TASKS = 20
"""Up to so many tasks a terminal shows a line each; more get the live table."""
STATUS_SECONDS = 0.5


class StatusFile:
    """Writes where a run stands into a small file, twice a second at the most."""

    def __init__(self, tally: Tally, path: Path) -> None:
        self._tally, self._path = tally, path
        self._last = float("-inf")
        path.parent.mkdir(mode=0o700, exist_ok=True)

    def __call__(self, event: Event) -> None:
        """Write, if it is time."""
        now = time.monotonic()
        if isinstance(event, (RunStarted, RunEnded)) or now - self._last >= STATUS_SECONDS:
            self._last = now
            aside = self._path.with_suffix(".new")
            text = json.dumps({"pid": os.getpid(), **self._tally.snapshot()})
            with naming(aside), open(aside, "w", opener=private) as file:
                file.write(text)
            os.replace(aside, self._path)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


class Stream:
    """Writes every event as a line of JSON."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: Event) -> None:
        """Write an event."""
        self._file.write(json.dumps(as_json(event), ensure_ascii=False) + "\n")
        self._file.flush()


@contextlib.contextmanager
def observers(
    project: Project, steps: Mapping[str, Declaration], tasks: int, events: Path | None
) -> Iterator[list[Observer]]:
    """All who watch a run.

    Args:
        project: the project.
        steps: what each step's operation declares.
        tasks: how many there will be at the most.
        events: where the event stream goes; `-` is stdout.
    """
    tally = Tally()
    found: list[Observer] = [tally, StatusFile(tally, status_path(project.root))]
    with contextlib.ExitStack() as stack:
        if events is not None:
            found.append(
                Stream(sys.stdout if str(events) == "-" else stack.enter_context(open(events, "w", opener=private)))
            )
        if in_notebook():
            from librarian.cli.bars import Bars

            bars = Bars()
            stack.callback(bars.close)
            found += [failures_only(steps), bars]
        elif on_terminal() and tasks > FEW_TASKS:
            from librarian.cli.live import LiveTable

            table = LiveTable(tally, project.library)
            stack.callback(table.close)
            found += [Lines(steps, table.say, each_task=False, ticks=False), table]
        else:
            found.append(Lines(steps, say, each_task=on_terminal()))
        yield found

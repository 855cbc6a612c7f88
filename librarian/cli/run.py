"""`librarian run`: run a job file. What only looks whether all of it stands is here, the run itself in `running`."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click

from librarian.cli.observers import observers
from librarian.cli.place import existing_project, held
from librarian.cli.wish_options import fresh_ok, retyped, wishes
from librarian.cli.words import plural, say
from librarian.errors import LibrarianError
from librarian.events import Event, Observer, RunEnded
from librarian.project import Project
from librarian.run.standing import Note, as_noted, stand


class Stop:
    """A signal that asks the run to stop: the first time orderly, the second time at once.

    Before the run itself, while there is nothing to put in order, the first time is at once too.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.running = False

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._caught)
        return self

    def __exit__(self, *exc: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)
        self.signal = number
        if not self.running:
            raise SystemExit(128 + number)

    def __call__(self) -> int:
        """The signal's number, 0 where there was none."""
        return self.signal


def exit_code(ended: RunEnded, stop: Stop) -> int:
    """0 all done or settled, 1 some failed or were left, 130 or 143 interrupted."""
    if ended.interrupted and stop.signal:
        return 128 + stop.signal
    return int(ended.interrupted or ended.failed or any(ended.withheld.values()))


@click.command("run")
@click.argument("job", type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    help="Worker processes; 0 runs extensions in this process, for debugging.",
)
@wishes
@click.option("--redo-ok", is_flag=True, help="Do again whatever the job file asks for, however much it is.")
@click.option("--absent-ok", is_flag=True, help="Go on without the recordings that earlier runs had; they are gone.")
@fresh_ok
@click.option("--full-disk-ok", is_flag=True, help="Begin even where the results are not expected to fit on the disk.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.option("--events", type=click.Path(path_type=Path), help="Write every event as a line of JSON; - is stdout.")
@click.pass_context
def command(
    context: click.Context,
    /,
    job: Path,
    workers: int | None,
    no_wait: bool,
    events: Path | None,
    **typed: Any,
) -> int:
    """JOB is a job file. What is done already is not done again; what was cut off is completed. A project is made in
    the current folder where there is none.

    Ends with 0 when all is done, 1 when some tasks failed (the rest is done and recorded), 2 for a mistake in the job
    file, 3 for a missing extension, 4 refused, 5 for a missing model or device, 6 where disk or lock failed,
    130/143 when interrupted.
    """
    agreed = {name: bool(typed.pop(f"{name}_ok")) for name in ("redo", "absent", "fresh", "full_disk")}
    with Stop() as stop:
        ended = (
            None if any(typed.values()) or agreed["absent"] else _stand(context, job, workers, no_wait, events, stop)
        )
        if ended is None:
            from librarian.cli.running import Agreed, Typed, run_job

            ended = run_job(context, Typed(job, workers, Agreed(**agreed), no_wait, events, typed), stop)
    code = exit_code(ended, stop)
    say_what_next(ended, code, job, typed)
    return code


def _stand(
    context: click.Context, job: Path, workers: int | None, no_wait: bool, events: Path | None, stop: Stop
) -> RunEnded | None:
    """Record that nothing is to be done, where nothing has changed since all was done; None where that is not so."""
    try:
        project = existing_project(context)
        note = as_noted(project, job.resolve()) if project else None
    except (LibrarianError, OSError, RuntimeError):  # an ordinary run says it, after what is wrong with the job file
        return None
    if project is None or note is None:
        return None
    with held(project, no_wait):
        stop.running = True
        ended = stand(project, note, workers, lambda: _watched(project, note, events))
        stop.running = ended is not None
    return ended


@contextlib.contextmanager
def _watched(project: Project, note: Note, events: Path | None) -> Iterator[Observer]:
    for sentence in note.said:
        say(sentence)
    with observers(project, {}, 0, events) as watching:

        def observe(event: Event) -> None:
            for observer in watching:
                observer(event)

        yield observe


def say_what_next(ended: RunEnded, code: int, job: Path, typed: Mapping[str, Any]) -> None:
    """Where things are, and the next line to type."""
    again, rest = retyped(job, typed), retyped(job, {**typed, "redo": ()})
    if code == 0:
        say(f"results: library/    record: manifests/{ended.job}.jsonl")
        say("next: librarian verify --read-data")
    elif ended.held:
        say(f"what takes all recordings waits for them; to go on without: {again} --absent-ok")
    elif ended.withheld and any(ended.withheld.values()):
        stayed = plural(sum(ended.withheld.values()), "finished result")
        say(f"{stayed} left alone; to do that again: {again} --redo-ok")
    elif ended.interrupted and code == 1:
        say(f"it was ended early; to go on, type the same again: {rest}")
    elif code == 1:
        say(f"some failed; why stands above and in manifests/{ended.job}.jsonl; mend it, then type: {rest}")

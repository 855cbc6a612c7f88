"""`librarian run`: run a job file."""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click

from librarian.cli.common import LateLog, check, refuse_shadow, workers_for
from librarian.cli.observers import observers
from librarian.cli.place import existing_project, open_or_make_project
from librarian.cli.quoting import asked_first
from librarian.cli.room import check_room
from librarian.cli.wishes import Wishes, wishes
from librarian.cli.words import plural, say
from librarian.events import Event, Observer, RunEnded, RunStarted
from librarian.job import Job, Read, read
from librarian.privacy.scrub import Scrubber
from librarian.project import Project, writer_lock
from librarian.recordings import Scan
from librarian.run import Halt, Order, run
from librarian.workers.pool import Workers, ask

_ALIKE = 0.75
"""How near a column's name must come to a setting's to be taken for a slip."""


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


def carry_out(
    project: Project,
    order: Order,
    scrubber: Scrubber,
    workers: Workers,
    log: LateLog,
    watching: Sequence[Observer],
    halt: Halt,
) -> RunEnded:
    """Run what was ordered; the log opens with the job."""

    def observe(event: Event) -> None:
        if isinstance(event, RunStarted):
            log.open(project.logs / f"{event.job}.log", scrubber)
        for observer in watching:
            observer(event)

    return run(project, order, workers, scrubber, observe, halt)


def exit_code(ended: RunEnded, stop: Stop) -> int:
    """0 all done, 1 some failed or were left, 130 or 143 interrupted."""
    if ended.interrupted and stop.signal:
        return 128 + stop.signal
    failed = any(found.get("failed", 0) + found.get("skipped", 0) for found in ended.counts.values())
    return int(ended.interrupted or failed or any(ended.withheld.values()))


def worker_count(text: Read, typed: int | None) -> int | None:
    """Worker processes as typed, else as the job file says; None for as many as fit the machine."""
    if typed is not None:
        return typed
    stated = text.file.run.workers if text.file else "auto"
    return None if stated == "auto" else stated


@click.command("run")
@click.argument("job", type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    help="Worker processes; 0 runs extensions in this process, for debugging.",
)
@wishes
@click.option("--redo-ok", is_flag=True, help="Do again whatever the job file asks for, however much it is.")
@click.option("--full-disk-ok", is_flag=True, help="Begin even where the results are not expected to fit on the disk.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.option("--events", type=click.Path(path_type=Path), help="Write every event as a line of JSON; - is stdout.")
@click.pass_context
def command(
    context: click.Context,
    /,
    job: Path,
    workers: int | None,
    redo_ok: bool,
    full_disk_ok: bool,
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
    refuse_shadow()
    wished = Wishes(**typed)
    until = wished.deadline()  # from when it was typed, however long another run is waited for
    text = read(job, wished.changes)
    log = LateLog()
    with Stop() as stop, workers_for(worker_count(text, workers), log) as pool:
        checked = check(text, pool)
        say_about(checked.scan, checked.job)
        known = existing_project(context)
        order = wished.order(checked, known)
        project = known or open_or_make_project(context)
        with writer_lock(project, wait=not no_wait, on_wait=lambda holder: say(f"waiting for {holder}")):
            if not redo_ok:
                order = asked_first(project, order)
            if not full_disk_ok:
                check_room(project, order, lambda message, timeout: ask(pool, message, timeout))
            stop.running = True
            steps = {step.id: step.declaration for step in order.steps}
            with observers(project, steps, len(steps) * order.scan.files, events) as watching:
                halt = Halt(stop, until)
                ended = carry_out(project, order, checked.scrubber(project), pool, log, watching, halt)
    code = exit_code(ended, stop)
    say_what_next(ended, code, job)
    return code


def say_about(scan: Scan, job: Job) -> None:
    """What of the files is not as a job file expects it: not taken, in no group, in no list."""
    for entry, number in scan.ungrouped.items():
        if number:
            say(f"{entry}: {plural(number, 'file')} in no group")
    for (entry, role), number in scan.incomplete.items():
        if number:
            say(f"{entry}: {plural(number, 'group')} without {role}")
    for entry, (rows, files) in scan.unlisted.items():
        lacking = [f"no row for {plural(files, 'file')}"] if files else []
        lacking += [f"no file for {plural(rows, 'row')}"] if rows else []
        if lacking:
            say(f"{entry}: its list has {', and there is '.join(lacking)}")
    settings = {name for step in job.steps for name in step.declaration.settings_schema.get("properties", {})}
    for entry, table in job.tables.items():
        for column in table.unused:
            # Only what is all but a setting's name is shown: other headings are the owner's own.
            close = difflib.get_close_matches(column.rpartition(".")[2], settings, n=1, cutoff=_ALIKE)
            if close and column.isprintable():
                say(f"{entry}: the column {column} of its list sets nothing; did you mean {close[0]}?")
    if scan.not_taken:
        counts = ", ".join(f"{count:,} {ending or 'without ending'}" for ending, count in scan.not_taken.most_common(5))
        say(f"beside them, not taken: {counts}")


def say_what_next(ended: RunEnded, code: int, job: Path) -> None:
    """Where things are, and the next line to type."""
    if code == 0:
        say(f"results: library/    record: manifests/{ended.job}.jsonl")
        say("next: librarian verify --read-data")
    elif ended.withheld and any(ended.withheld.values()):
        stayed = plural(sum(ended.withheld.values()), "finished result")
        say(f"{stayed} stayed as they are; to do them again: librarian run {job} --redo-ok")
    elif ended.interrupted and code == 1:
        say(f"the time is up; to go on, type the same again: librarian run {job}")
    elif code == 1:
        say(
            f"some failed; why stands above and in manifests/{ended.job}.jsonl; mend it, then type: librarian run {job}"
        )

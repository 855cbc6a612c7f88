"""`librarian run`: run a job file."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from librarian.cli.common import Checked, LateLog, check, refuse_shadow, workers_for
from librarian.cli.observers import observers
from librarian.cli.place import open_or_make_project
from librarian.cli.words import say
from librarian.events import Event, Observer, RunEnded, RunStarted
from librarian.job import Read, read
from librarian.project import Project, writer_lock
from librarian.recordings import Scan
from librarian.run import Options, run
from librarian.workers.pool import Workers


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
    checked: Checked,
    workers: Workers,
    log: LateLog,
    watching: Sequence[Observer],
    stop: Stop,
    *,
    upgrade: bool = False,
) -> RunEnded:
    """Run what was checked; the log opens with the job."""
    stop.running = True
    scrubber = checked.scrubber(project)

    def observe(event: Event) -> None:
        if isinstance(event, RunStarted):
            log.open(project.logs / f"{event.job}.log", scrubber)
        for observer in watching:
            observer(event)

    options = Options(upgrade=upgrade, stopped=stop)
    return run(project, checked.job, checked.scan, workers, scrubber, observe, options)


def exit_code(ended: RunEnded, stop: Stop) -> int:
    """0 all done, 1 some failed, 130 or 143 interrupted."""
    if ended.interrupted:
        return 128 + stop.signal
    return int(any(found.get("failed", 0) + found.get("skipped", 0) for found in ended.counts.values()))


def _worker_count(text: Read, typed: int | None) -> int | None:
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
@click.option("--upgrade", is_flag=True, help="Follow new versions of operations, models and defaults.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.option("--events", type=click.Path(path_type=Path), help="Write every event as a line of JSON; - is stdout.")
@click.pass_context
def command(
    context: click.Context, job: Path, workers: int | None, upgrade: bool, no_wait: bool, events: Path | None
) -> int:
    """JOB is a job file. What is done already is not done again; what was cut off is completed. A project is made in
    the current folder where there is none.

    Ends with 0 when all is done, 1 when some tasks failed (the rest is done and recorded), 2 for a mistake in the job
    file, 3 for a missing extension, 4 refused, 5 for a missing model or device, 6 where disk or lock failed,
    130/143 when interrupted.
    """
    refuse_shadow()
    text = read(job)
    log = LateLog()
    with Stop() as stop, workers_for(_worker_count(text, workers), log) as pool:
        checked = check(text, pool)
        say_not_taken(checked.scan)
        project = open_or_make_project(context)
        with writer_lock(project, wait=not no_wait, on_wait=lambda holder: say(f"waiting for {holder}")):
            steps = {step.id: step.declaration for step in checked.job.steps}
            with observers(project, steps, len(steps) * len(checked.scan.sightings), events) as watching:
                ended = carry_out(project, checked, pool, log, watching, stop, upgrade=upgrade)
    code = exit_code(ended, stop)
    say_what_next(ended, code, job)
    return code


def say_not_taken(scan: Scan) -> None:
    """Files beside the recordings that no pattern took."""
    if scan.not_taken:
        counts = ", ".join(f"{count:,} {ending or 'without ending'}" for ending, count in scan.not_taken.most_common(5))
        say(f"beside them, not taken: {counts}")


def say_what_next(ended: RunEnded, code: int, job: Path) -> None:
    """Where things are, and the next line to type."""
    if code == 0:
        say(f"results: library/    record: manifests/{ended.job}.jsonl")
        say("next: librarian verify --read-data")
    elif code == 1:
        say(
            f"some failed; why stands above and in manifests/{ended.job}.jsonl; mend it, then type: librarian run {job}"
        )

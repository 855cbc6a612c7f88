"""A run of a job file, from reading it to its end: what `librarian run` needs where something may be to do."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from librarian.acts.decided import refuse
from librarian.cli.common import Checked, LateLog, check, refuse_shadow
from librarian.cli.observers import observers
from librarian.cli.place import existing_project, held, installed_models, open_or_make_project
from librarian.cli.quoting import asked_first
from librarian.cli.room import check_room
from librarian.cli.run import Stop
from librarian.cli.wishes import Wishes, left_fresh
from librarian.cli.words import plural, say
from librarian.cli.working import workers_for
from librarian.errors import EnvironmentFailedError
from librarian.events import Event, Observer, RunEnded, RunStarted
from librarian.job import Job, Read, read
from librarian.job.policy import PolicyError
from librarian.manifest.act_lines import RefusedLine
from librarian.privacy.scrub import Scrubber
from librarian.project import Project
from librarian.recordings import Scan
from librarian.run.halt import Halt
from librarian.run.order import Order
from librarian.run.standing import Plain
from librarian.run.start import run
from librarian.workers.asking import Workers, ask

_ALIKE = 0.75
"""How near a column's name must come to a setting's to be taken for a slip."""


@dataclass(frozen=True)
class Agreed:
    """What is done without asking."""

    redo: bool
    absent: bool
    fresh: bool
    full_disk: bool


@dataclass(frozen=True)
class Typed:
    """What was typed: the job file, and what stands beside it."""

    job: Path
    workers: int | None
    agreed: Agreed
    no_wait: bool
    events: Path | None
    wishes: Mapping[str, Any]


def run_job(context: click.Context, typed: Typed, stop: Stop) -> RunEnded:
    """Read a job file, check it, look for its recordings, and run it.

    Raises:
        LibrarianError: anything that can refuse it.
    """
    refuse_shadow()
    wished = Wishes(**typed.wishes)
    until = wished.deadline()  # from when it was typed, however long another run is waited for
    text = read(typed.job, wished.changes, wished.to or "")
    log = LateLog()
    with workers_for(worker_count(text, typed.workers), log) as pool:
        checked = check(text, pool, installed_models(context))
        said = list(said_of(checked.scan, checked.job))
        for sentence in said:
            say(sentence)
        known = existing_project(context)
        order = _permitted(wished, text, checked, known)
        order = replace(order, absent_ok=typed.agreed.absent)
        if not typed.agreed.fresh:
            order = left_fresh(order)
        if checked.raw and not order.waiting and not any(typed.wishes.values()):
            stated = worker_count(text, None)
            order = replace(order, plain=Plain(typed.job.resolve(), *checked.raw, checked.scan.raw, stated, said))
        project = known
        if project is None:
            models = checked.models.lock.only(checked.job.models()).text() if checked.models.state else ""
            project = open_or_make_project(context, models)
            order = replace(order, plain=None) if models else order  # it hung on all that this machine has
        with held(project, typed.no_wait):
            if not typed.agreed.redo:
                order = asked_first(project, order)
            if not typed.agreed.full_disk:
                check_room(project, order, max(1, pool.size), lambda message, timeout: ask(pool, message, timeout))
            stop.running = True
            steps = {step.id: step.declaration for step in order.steps}
            with observers(project, steps, len(steps) * order.scan.files, typed.events) as watching:
                halt = Halt(stop, until, wished.max_failures)
                return carry_out(project, order, checked.scrubber(project), pool, log, watching, halt)


def _permitted(wished: Wishes, text: Read, checked: Checked, project: Project | None) -> Order:
    """What is to be run; where a rule forbids it, that is recorded.

    Another run that holds the project is not waited for: then the refusal is said, and in no record.
    """
    try:
        return wished.order(text, checked, project)
    except PolicyError as error:
        if project and error.refusals:
            scrub = checked.scrubber(project).scrub
            lines = [
                RefusedLine(job_name=checked.job.name, step=each.step, why=each.why, hosts=[*map(scrub, each.hosts)])
                for each in error.refusals
            ]
            with contextlib.suppress(EnvironmentFailedError, OSError), held(project, no_wait=True):
                refuse(project, lines, say)
        raise


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


def worker_count(text: Read, typed: int | None) -> int | None:
    """Worker processes as typed, else as the job file says; None for as many as fit the machine."""
    if typed is not None:
        return typed
    stated = text.file.run.workers if text.file else "auto"
    return None if stated == "auto" else stated


PRIVACY_IS_OFF = "privacy is OFF (privacy.level): names, numbers and paths may stand in records, logs and messages"


def said_of(scan: Scan, job: Job) -> Iterator[str]:
    """That nothing is kept out; what of the files is not as a job file expects it: not taken, in no group or list."""
    if job.file.privacy.level == "off":
        yield PRIVACY_IS_OFF
    for entry, number in scan.ungrouped.items():
        if number:
            yield f"{entry}: {plural(number, 'file')} in no group"
    for (entry, role), number in scan.incomplete.items():
        if number:
            yield f"{entry}: {plural(number, 'group')} without {role}"
    for entry, (rows, files) in scan.unlisted.items():
        lacking = [f"no row for {plural(files, 'file')}"] if files else []
        lacking += [f"no file for {plural(rows, 'row')}"] if rows else []
        if lacking:
            yield f"{entry}: its list has {', and there is '.join(lacking)}"
    settings = {name for step in job.steps for name in step.declaration.settings_schema.get("properties", {})}
    for entry, table in job.tables.items():
        for column in table.unused:
            # Only what is all but a setting's name is shown: other headings are the owner's own.
            close = difflib.get_close_matches(column.rpartition(".")[2], settings, n=1, cutoff=_ALIKE)
            if close and column.isprintable():
                yield f"{entry}: the column {column} of its list sets nothing; did you mean {close[0]}?"
    if scan.not_taken:
        counts = ", ".join(f"{count:,} {ending or 'without ending'}" for ending, count in scan.not_taken.most_common(5))
        yield f"beside them, not taken: {counts}"

"""`librarian plan`: what a run would do, why, and what it would take. Nothing is run and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from librarian import project as projects
from librarian.cli.common import check, refuse_shadow
from librarian.cli.place import installed_models, project_option
from librarian.cli.quoting import MUCH, Quotation, quote
from librarian.cli.recorded import columns
from librarian.cli.running import worker_count
from librarian.cli.wish_options import fresh_ok, retyped, wishes
from librarian.cli.wishes import Wishes, left_fresh
from librarian.cli.words import duration, plural, say, size
from librarian.cli.working import workers_for
from librarian.job import Step, read
from librarian.job.policy import private_inputs
from librarian.machine import default_size
from librarian.plan import Row, Task
from librarian.recordings import Scan
from librarian.workers.asking import ask

_REASONS_SHOWN = 8


@click.command("plan")
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--tasks", is_flag=True, help="List every task, with what is to be done about it.")
@wishes
@fresh_ok
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_context
def command(context: click.Context, /, job: Path, tasks: bool, fresh_ok: bool, as_json: bool, **typed: Any) -> int:
    """One row a step: how many of its tasks are done, how many are new or to be done again, and why; how much sound
    that is, how long it will take and how much room. Recordings whose content is not known yet count as new: plan
    reads names and sizes only, looks into a few files to tell how long they are, and learns the rest from earlier runs.
    """
    refuse_shadow()
    wished = Wishes(**typed)
    text = read(job, wished.changes, wished.to or "")
    stated = worker_count(text, None)
    root = projects.find(project_option(context))
    project = projects.load(root) if root else None
    listed: list[Task] = []
    with workers_for(1, lambda line: None) as workers:
        checked = check(text, workers, installed_models(context))
        order = wished.order(text, checked, project)
        order = order if fresh_ok else left_fresh(order)
        quotation = quote(
            project,
            order,
            default_size() if stated is None else max(1, stated),
            lambda message, timeout: ask(workers, message, timeout),
            listed.append if tasks else None,
        )
    if as_json:
        click.echo(json.dumps(_as_json(order.scan, quotation, listed if tasks else None), indent=1))
        return 0
    for line in _lines(order.scan, quotation):
        click.echo(line)
    for line in _privacy(order.steps):
        click.echo(line)
    for line in columns(_task(task) for task in listed) if listed else ():
        click.echo(line)
    _say_next(quotation, wished, job)
    return 0


def _task(task: Task) -> tuple[str, ...]:
    state = {"current": "done", "elsewhere": "done elsewhere", "known": "failed"}.get(
        task.state, "redo" if task.replaces else "new"
    )
    return task.step.id, task.label or task.unit or "(not read yet)", state, task.why


def _lines(scan: Scan, quotation: Quotation) -> Iterator[str]:
    about = "about " if quotation.estimated else ""
    groups = sum(bool(family[0].group) for family in scan.families)
    more = f", {plural(groups, 'group')}" if groups else ""
    yield f"{plural(scan.files, 'file')}{more}, {about}{duration(quotation.audio)} of sound, {size(scan.bytes)}"
    for (entry, role), number in scan.incomplete.items():
        if number:
            yield f"{entry}: {plural(number, 'group')} without {role}"
    yield from _table(quotation)
    for row in quotation.rows.values():
        shown = row.reasons.most_common(_REASONS_SHOWN)
        for why, number in shown:
            yield f"  {row.step.id}: {number:,}  {why}"
        if more_reasons := len(row.reasons) - len(shown):
            yield f"  {row.step.id}: and {plural(more_reasons, 'more reason')}; all of them: --json"
        if row.known:
            yield f"  {row.step.id}: {row.known:,}  failed before, not tried again; to try them: --redo failed"
        if newer := sum(each.newer for each in quotation.revised(row.step.id)):
            anew = "revised by hand, and made anew by the machine since; which: librarian revise --list"
            yield f"  {row.step.id}: {newer:,}  {anew}"
        if other := quotation.other_code.get(row.step.id):
            name, version, of = row.step.declaration.name, row.step.declaration.version, row.step.declaration.extension
            yield (
                f"  {row.step.id}: {other:,}  left, made by other code: it changed under the same version of {name} "
                f"({version}); its author raises that, or types --dev {of} for now"
            )
        if row.kept:
            yield f"  {row.step.id}: {row.kept:,}  left as they are"
        if row.lists:
            yield f"  {row.step.id}: {plural(row.lists, 'list')} not made yet; what hangs on their items is not counted"


def _privacy(steps: Sequence[Step]) -> Iterator[str]:
    """Which results are private, which clean, and what leaves this machine."""
    outputs = [(f"{step.id}.{name}", port) for step in steps for name, port in step.outputs.items()]
    private = [name for name, port in outputs if not port.clean]
    clean = [name for name, port in outputs if port.clean]
    named = ((word, names) for word, names in (("private", private), ("clean", clean)) if names)
    yield "; ".join(f"{word}: {', '.join(names)}" for word, names in named)
    for step, _, source in private_inputs(steps):
        given = f"{source.step}.{source.output}" if source.step else source.entry
        yield f"{step.id} sends {given}, which is private, to {', '.join(step.hosts)}"


def _table(quotation: Quotation) -> Iterator[str]:
    head = ("step", "done", "new", "redo", "sound", "time", "disk")
    rows = [head, *(_row(row, quotation) for row in quotation.rows.values())]
    if len(rows) > 2:  # noqa: PLR2004 (more than one step below the head)
        rows.append(_total(quotation))
    widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
    for row in rows:
        step, *numbers = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {row[0]:<{len(step)}}  {'  '.join(numbers)}"


def _row(row: Row, quotation: Quotation) -> tuple[str, ...]:
    name = row.step.id
    counts = (f"{row.done:,}", f"{row.new:,}{'+' if row.open else ''}", f"{row.redo:,}")
    return name, *counts, duration(row.audio), _time(quotation.seconds(name)), _size(quotation.bytes(name))


def _total(quotation: Quotation) -> tuple[str, ...]:
    rows = quotation.rows.values()
    counts = (f"{sum(getattr(row, name) for row in rows):,}" for name in ("done", "new", "redo"))
    seconds, wanted = total_seconds(quotation), total_bytes(quotation)
    return "in all", *counts, duration(sum(row.audio for row in rows)), _time(seconds), _size(wanted)


def total_seconds(quotation: Quotation) -> float | None:
    """How long all of it will take; None where that is not known of a step."""
    found = [quotation.seconds(step) for step in quotation.rows]
    return None if None in found else sum(each for each in found if each)


def total_bytes(quotation: Quotation) -> float | None:
    """What all of it will make; None where that is not known of a step."""
    found = [quotation.bytes(step) for step in quotation.rows]
    return None if None in found else sum(each for each in found if each)


def _time(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)


def _size(number: float | None) -> str:
    return "unknown" if number is None else size(number)


def _say_next(quotation: Quotation, wished: Wishes, job: Path) -> None:
    wanted, scratch = total_bytes(quotation), quotation.scratch
    more = f", {size(scratch)} more while they are made" if scratch else ""
    say(f"room: {_size(wanted)} wanted{more}, {size(quotation.free)} free")
    if (wanted or 0.0) + scratch > quotation.free:
        say("that is not enough: make room, or do a part of it with --sample, --only or --to")
    seconds, left = total_seconds(quotation), wished.seconds_left()
    if seconds is not None and seconds > left:
        say(f"until {wished.until} about {left / seconds:.0%} of it")
    if quotation.redone > MUCH:
        say(f"{quotation.redone:.0%} of the finished sound would be done again: a run asks first, or takes --redo-ok")
    if any(row.todo for row in quotation.rows.values()):
        say(f"next: {retyped(job, vars(wished))}")


def _as_json(scan: Scan, quotation: Quotation, listed: list[Task] | None) -> dict[str, object]:
    found: dict[str, object] = {
        "files": scan.files,
        "bytes": scan.bytes,
        "groups": sum(bool(family[0].group) for family in scan.families),
        "incomplete": [
            {"entry": entry, "role": role, "groups": number}
            for (entry, role), number in scan.incomplete.items()
            if number
        ],
        "ungrouped": {entry: number for entry, number in scan.ungrouped.items() if number},
        "not_taken": dict(scan.not_taken),
        "audio_seconds": round(quotation.audio, 3),
        "audio_estimated": quotation.estimated,
        "steps": [_row_json(row, quotation) for row in quotation.rows.values()],
        "seconds": total_seconds(quotation),
        "bytes_wanted": total_bytes(quotation),
        "scratch_bytes": round(quotation.scratch),
        "bytes_free": quotation.free,
        "redone": round(quotation.redone, 4),
    }
    if listed is not None:
        found["tasks"] = [
            {
                **{"step": task.step.id, "unit": task.unit or None, "label": task.label or None, "state": task.state},
                **{"why": task.why, "redo": task.replaces, "key": task.key or None, "folder": task.folder or None},
            }
            for task in listed
        ]
    return found


def _row_json(row: Row, quotation: Quotation) -> dict[str, object]:
    name = row.step.id
    revised = quotation.revised(name)
    return {
        **{"step": name, "operation": row.step.declaration.full_name, "done": row.done, "new": row.new},
        **{
            "redo": row.redo,
            "kept": row.kept,
            "known": row.known,
            "lists_not_made_yet": row.lists,
            "open": row.open,
            "reasons": dict(row.reasons),
        },
        **{"audio_seconds": round(row.audio, 3), "seconds": quotation.seconds(name)},
        **{"revised": len(revised), "revised_newer": sum(each.newer for each in revised)},
        "other_code": quotation.other_code.get(name, 0),
        "bytes_wanted": quotation.bytes(name),
        "outputs": {output: "clean" if port.clean else "private" for output, port in row.step.outputs.items()},
        "hosts": list(row.step.hosts),
        "effects": list(row.step.effects),
    }

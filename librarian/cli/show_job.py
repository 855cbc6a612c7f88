"""A job, for `librarian show`: what it did, with what, on which machine, and why anything failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from librarian.cli.recorded import columns, moment, settings_of, tally
from librarian.cli.words import duration, plural, size
from librarian.manifest.act_lines import ActLine
from librarian.manifest.fields import MachineRecord
from librarian.manifest.history import History, JobRecord
from librarian.manifest.records import JobLine


def job_json(history: History, job: str) -> dict[str, Any]:
    """A job as data."""
    record = history.job(job)
    if isinstance(record.first, ActLine):
        own = {"state": record.state, "ended": record.ended, "lines": list(history.said(job))}
        return {**own, "record": record.first.model_dump(mode="json", exclude={"salt"})}
    return {
        "state": record.state,
        "ended": record.ended,
        "recordings": record.recordings,
        "counts": record.counts,
        "withheld": record.withheld,
        **{"known": record.known, "settled": record.settled},
        "failures": [asdict(each) for each in history.failures(job)] if record.failed else [],
        "record": record.first.model_dump(mode="json", exclude={"salt"}),
    }


def job_lines(history: History, job: str) -> Iterator[str]:
    """A job as text."""
    record = history.job(job)
    first = record.first
    if isinstance(first, ActLine):
        yield f"{first.act}, {moment(first.started)}, {_end(record)}"
        yield from columns([*_did(history, job), ("machine", _machine(first.machine)), ("version", first.version)])
        return
    worked = f" on {plural(record.recordings, 'recording')}" if record.recordings is not None else ""
    yield f"{first.act} of {first.name}{worked}, {moment(first.started)}, {_end(record)}"
    for step in first.steps:
        left = record.withheld.get(step.id, 0)
        more = f", {left:,} left as they are that would be done again" if left else ""
        yield f"  {step.id}: {step.operation} {step.version}, {tally([record.counts.get(step.id, {})])}{more}"
    for each in history.failures(job) if record.failed else ():
        which = each.unit if each.tasks == 1 else f"{each.unit} and others"
        yield f"  {each.step} {each.outcome} {each.tasks:,} ×: {each.reason.replace('_', ' ')}; {which}"
    for what, tasks in (("known before, not tried again", record.known), ("settled", record.settled)):
        if counted := sum(tasks.values()):
            yield f"  {counted:,} {what}"
    yield from columns(_details(record, first, job))


def _did(history: History, job: str) -> Iterator[tuple[str, str]]:
    """What an act recorded, one row a line."""
    yield "job", job
    for line in history.said(job):
        yield line["type"], ", ".join(_telling(line))


def _telling(line: dict[str, Any]) -> Iterator[str]:
    if line["type"] == "dropped":
        yield plural(line["results"], "result") + f" of {plural(len(line['keys']), 'task')}"
        yield size(line["bytes"])
        yield line["why"]
    elif line["type"] == "emptied":
        yield plural(len(line["lines"]), "line") + f" of {line['job']}"
        yield plural(len(line["artifacts"]), "artifact")
    elif line["type"] == "outcome":
        yield f"{line['revises']['artifact']} from {line['consumed'][0]['id']}"
        yield f"{line['step']}.{line['revises']['output']} of {line['job_name']} of {line['unit']}"
    else:
        for name, value in sorted(line.items()):
            if name != "type" and value not in ([], None):
                yield f"{name} {' and '.join(map(str, value)) if isinstance(value, list) else value}"


def _end(record: JobRecord) -> str:
    if record.ended is None:
        return "under way or cut off"
    took = datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.first.started)
    return f"{record.state} after {duration(took.total_seconds())}"


def _details(record: JobRecord, first: JobLine, job: str) -> Iterator[tuple[str, str]]:
    yield "job", job
    for step in first.steps:
        inputs = ", ".join(f"{port} {' '.join(sources)}" for port, sources in step.inputs.items())
        yield f"with {step.id}", f"{settings_of(step.settings, step.given)}; from {inputs}"
    yield "versions", ", ".join(f"{name} {version}" for name, version in first.versions.items())
    yield "machine", _machine(first.machine)
    workers = plural(first.workers, "worker") if first.workers else "no workers"
    yield "ran on", f"{first.device}, {workers}, fence {first.fence}"
    yield "job file", first.file
    if typed := [_typed(name, value) for name, value in first.options.items() if value]:
        yield "asked for", ", ".join(typed)


def _machine(machine: MachineRecord) -> str:
    where = f"{machine.system}, {machine.processor}, {plural(machine.cores, 'core')}, {size(machine.memory)}"
    return f"{machine.id}  {where}"


def _typed(name: str, value: object) -> str:
    values = " and ".join(map(str, value)) if isinstance(value, list) else "" if value is True else str(value)
    return f"{name} {values}".rstrip()

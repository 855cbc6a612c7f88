"""`librarian show`: everything about one recording, artifact, task or job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from librarian.cli.asked import Asked, asked, kind_of, may_show_names
from librarian.cli.recorded import TEXT, changes, columns, facts_of, moment, operation_of, settings_of, sound_of
from librarian.cli.show_job import job_json, job_lines
from librarian.cli.words import duration, plural, say, size
from librarian.manifest.catalog import Ended, MadeArtifact
from librarian.manifest.lineage import Made

MOST_NAMED = 3
"""Inputs that stand in the sentence; more are counted."""


@click.command("show")
@click.argument("what")
@click.option("--names", is_flag=True, help="Show paths and texts too; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, what: str, names: bool, as_json: bool) -> int:
    """WHAT is an id or its beginning (rec_, art_, job_ …, a task key), a file in library/ or manifests/, or the path or
    the name of a recording, also when its disk is away.
    """
    names = may_show_names(names, as_json)
    with asked(context) as project:
        found = project.resolve(what)
        kind = kind_of(found)
        if as_json:
            project.say_json({"id": found, "type": kind, **_json(project, found, kind)})
            return 0
        project.say(_lines(project, found, kind))
        if names:
            project.say_names(_names(project, found, kind))
    if kind in ("artifact", "recording"):
        say(f"next: librarian trace {found}")
    return 0


def _lines(project: Asked, found: str, kind: str) -> Iterator[str]:
    if kind == "job":
        return job_lines(project.history, found)
    return _made_lines(project, found) if kind in ("artifact", "task") else _unit_lines(project, found, kind)


def _json(project: Asked, found: str, kind: str) -> dict[str, Any]:
    if kind == "job":
        return job_json(project.history, found)
    return _made_json(project, found) if kind in ("artifact", "task") else _unit_json(project, found)


def _made_of(project: Asked, found: str) -> tuple[Made, MadeArtifact | None]:
    """The task, and the artifact if it is one that was asked for."""
    made = project.lineage.made(project.catalog.key_of(found) if kind_of(found) == "artifact" else found)
    return made, next((each for each, _ in made.artifacts if each.id == found), None)


def _successor(project: Asked, made: Made, artifact: MadeArtifact | None) -> str | None:
    return project.lineage.successor(made, artifact) if artifact and not made.current else None


def _made_lines(project: Asked, found: str) -> Iterator[str]:
    made, artifact = _made_of(project, found)
    line, started = made.line, project.history.job(made.place.job).first.started
    read = list(dict.fromkeys(each.id for each in line.consumed))
    inputs = " and ".join(read) if len(read) <= MOST_NAMED else f"{len(read):,} inputs"
    seconds = sum(line.timings.model_dump(exclude={"wait"}).values())
    took = duration(seconds) if seconds >= 1 else f"{seconds:.2f} s"
    came_out = ", ".join(filter(None, (facts_of(line), f"in {took}")))
    yield f"made in the job of {moment(started)} by {operation_of(line)} from {inputs}: {came_out}"
    if successor := _successor(project, made, artifact):
        after = project.lineage.made(project.catalog.key_of(successor)).line
        yield f"superseded by {successor}: {changes(line, after)}"
    yield from columns([*_what(made, artifact), *_how(made)])


def _what(made: Made, artifact: MadeArtifact | None) -> Iterator[tuple[str, str]]:
    for each, state in made.artifacts:
        word = "artifact" if artifact in (None, each) else "beside it"
        secrecy = "private" if each.private else "clean"
        yield word, f"{each.id}  {each.output}: {each.kind}, {size(each.bytes)}, {secrecy}, {state}"
        if artifact in (None, each):
            yield "file", f"library/{each.file}"
            yield "digest", each.digest
            if sound := sound_of(each.facts):
                yield "sound", sound


def _how(made: Made) -> Iterator[tuple[str, str]]:
    line = made.line
    yield "current", ", ".join(f"{each.step} of {each.job_name}" for each in made.current) or "no"
    for each in line.consumed:
        yield f"from {each.role or each.port}", f"{each.id}  {each.digest}"
    yield "settings", settings_of((line.document or {})["settings"], line.given)
    yield "by", f"{line.step} of {line.job_name}, {made.place.job} line {made.place.seq + 1}"
    yield "task key", line.key or ""
    yield "seconds", ", ".join(f"{name} {spent:g}" for name, spent in line.timings.model_dump().items() if spent)


def _made_json(project: Asked, found: str) -> dict[str, Any]:
    made, artifact = _made_of(project, found)
    states = {each.id: state for each, state in made.artifacts}
    own = {"state": states[found], "superseded_by": _successor(project, made, artifact)} if artifact else {}
    return {
        **own,
        "job": made.place.job,
        "seq": made.place.seq,
        "started": project.history.job(made.place.job).first.started,
        "current_as": [{"job_name": each.job_name, "step": each.step} for each in made.current],
        "artifacts": [{"id": each.id, "state": states[each.id], "file": each.file} for each, _ in made.artifacts],
        "record": made.line.model_dump(mode="json", exclude={"salt"}),
    }


def _unit_lines(project: Asked, unit: str, kind: str) -> Iterator[str]:
    places = len(project.vault.sightings(unit))
    seen = f"seen in {plural(places, 'place')}" if kind == "recording" else ""
    known = ", ".join(filter(None, (sound_of(project.vault.facts(unit) or {}), seen)))
    yield f"{kind} {unit}{': ' if known else ''}{known}"
    rows = [
        (each.job_name, each.step, each.outcome, _result(project, each)) for each in project.catalog.ended(unit=unit)
    ]
    yield from columns(rows) or ["nothing was made of it yet; next: librarian run"]


def _result(project: Asked, ended: Ended) -> str:
    if not ended.good:
        cause = project.lineage.outcome(ended.place).cause
        return ended.reason.replace("_", " ") + (f": {cause.message}" if cause and cause.message else "")
    made = project.lineage.made(ended.key)
    marks = (f"{each.id} {each.output}{'' if state == 'current' else f' ({state})'}" for each, state in made.artifacts)
    return "  ".join(filter(None, (", ".join(marks), facts_of(made.line))))


def _unit_json(project: Asked, unit: str) -> dict[str, Any]:
    results = []
    for each in project.catalog.ended(unit=unit):
        artifacts = project.lineage.made(each.key).artifacts if each.good else ()
        cause = project.lineage.outcome(each.place).cause
        results.append(
            {
                **{"job_name": each.job_name, "step": each.step, "outcome": each.outcome, "job": each.place.job},
                "key": each.key or None,
                "cause": cause.model_dump(mode="json") if cause else None,
                "artifacts": [{"id": one.id, "output": one.output, "state": state} for one, state in artifacts],
            }
        )
    places = len(project.vault.sightings(unit))
    return {"facts": project.vault.facts(unit), "places": places, "results": results}


def _names(project: Asked, found: str, kind: str) -> Iterator[tuple[str, str]]:
    for path in project.vault.sightings(found):
        yield "seen at", str(path)
    if kind in ("artifact", "task"):
        line = _made_of(project, found)[0].line
        yield from (("seen at", str(path)) for path in project.vault.sightings(line.unit))
        for name, value in (line.document or {})["settings"].items():
            if str(value).startswith(TEXT):
                yield name, project.vault.text(value) or ""

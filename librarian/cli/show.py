"""`librarian show`: everything about one recording, artifact, task or job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from librarian.cli.asked import Asked, asked, kind_of, may_show_names
from librarian.cli.facts import facts_of, gist, measured
from librarian.cli.named import names_of
from librarian.cli.recorded import (
    changes,
    columns,
    day,
    moment,
    newer_lines,
    revision_json,
    rung_of,
    settings_of,
    sound_of,
)
from librarian.cli.sentence import made_sentence, unit_sentence
from librarian.cli.show_job import job_json, job_lines
from librarian.cli.timing import timing_json, timing_lines
from librarian.cli.tree import MOST_FOLLOWED, graph_of, label, tree
from librarian.cli.words import AGAIN, say, size
from librarian.errors import UsageError
from librarian.manifest.catalog import Ended, MadeArtifact
from librarian.manifest.lineage import Made

MOST_LINES = 30
"""Lines of a tree; `trace` prints all of it."""
MOST_BESIDE = 10
"""Other results of the same task that are listed; more are counted."""


@click.command("show")
@click.argument("what")
@click.option("--timing", is_flag=True, help="Of a job: what its tasks took, and what held it up.")
@click.option("--names", is_flag=True, help="Show paths and texts too; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, what: str, timing: bool, names: bool, as_json: bool) -> int:
    """WHAT is an id or its beginning (rec_, art_, job_ …, a task key), a file in library/ or manifests/, or the path or
    the name of a recording, also when its disk is away.
    """
    names = may_show_names(names, as_json)
    with asked(context) as project:
        found = project.resolve(what)
        kind = kind_of(found)
        if timing and kind != "job":
            raise UsageError(f"--timing is for jobs, and that is no job ({kind}); which there are: librarian jobs")
        if as_json:
            project.say_json({"id": found, "type": kind, **_json(project, found, kind, timing)})
            return 0
        project.say(timing_lines(project.history, found) if timing else _lines(project, found, kind))
        if names and not project.catalog.forgotten_in(found):
            project.say_names(names_of(project, found))
    if kind == "job":
        say(f"next: librarian show {found}{'' if timing else ' --timing'}")
    elif kind != "task":
        say(f"next: librarian trace {found}")
    return 0


def _lines(project: Asked, found: str, kind: str) -> Iterator[str]:
    if kind == "job":
        return job_lines(project.history, found)
    if job := project.catalog.forgotten_in(found):
        return _forgotten_lines(project, found, job)
    return _made_lines(project, found) if kind in ("artifact", "task") else _unit_lines(project, found)


def _forgotten_lines(project: Asked, found: str, job: str) -> Iterator[str]:
    """A tombstone; and what runs said since that met it again."""
    yield f"{kind_of(found)} {found} was forgotten on {day(project.history.job(job).first.started)} by {job}"
    for each in project.catalog.ended(unit=found):
        yield f"  {each.step} of {each.job_name}  {each.outcome}  {_result(project, each)}"


def _json(project: Asked, found: str, kind: str, timing: bool) -> dict[str, Any]:
    if kind != "job" and (job := project.catalog.forgotten_in(found)):
        return {"state": "forgotten", "job": job}
    if kind == "job":
        more = {"timing": timing_json(project.history, found)} if timing else {}
        return {**job_json(project.history, found), **more}
    return _made_json(project, found) if kind in ("artifact", "task") else _unit_json(project, found)


def _made_of(project: Asked, found: str) -> tuple[Made, MadeArtifact | None]:
    """The task, and the artifact if it is one that was asked for."""
    made = project.lineage.made(project.catalog.key_of(found) if kind_of(found) == "artifact" else found)
    return made, next((each for each, _ in made.artifacts if each.id == found), None)


def _successor(project: Asked, made: Made, artifact: MadeArtifact | None) -> str | None:
    superseded = any(each == artifact and state == "superseded" for each, state in made.artifacts)
    return project.lineage.successor(made, artifact) if artifact and superseded else None


def _made_lines(project: Asked, found: str) -> Iterator[str]:
    made, artifact = _made_of(project, found)
    yield made_sentence(project, made, found)
    if artifact or len(made.artifacts) <= MOST_FOLLOWED:
        graph = graph_of(project, found)
        yield from [label(project, graph, found)] if artifact else []
        yield from tree(project, graph, MOST_LINES)
    if job := project.catalog.dropped_in(made.line.key or ""):
        when = day(project.history.job(job).first.started)
        yield f"dropped on {when} by {job}; a run makes it again where a step needs it; {AGAIN}"
    if successor := _successor(project, made, artifact):
        after = project.lineage.made(project.catalog.key_of(successor)).line
        yield f"superseded by {successor}: {changes(made.line, after)}"
    yield from newer_lines(made.revisions)
    yield "in detail"
    yield from columns([*_what(made, artifact), *_how(project, made, found)])


def _what(made: Made, artifact: MadeArtifact | None) -> Iterator[tuple[str, str]]:
    beside = [each for each in made.artifacts if each[0] != artifact]
    for each, state in [*(each for each in made.artifacts if each[0] == artifact), *beside[:MOST_BESIDE]]:
        word = "artifact" if artifact in (None, each) else "beside it"
        secrecy = "private" if each.private else "clean"
        yield word, f"{each.id}  {each.output}: {each.kind}, {size(each.bytes)}, {secrecy}, {state}"
        if artifact in (None, each):
            yield "file", f"library/{each.file}"
            yield "digest", each.digest
            if sound := sound_of(each.facts):
                yield "sound", sound
    if len(beside) > MOST_BESIDE:
        yield "beside it" if artifact else "artifact", f"{len(beside) - MOST_BESIDE:,} more"


def _how(project: Asked, made: Made, found: str) -> Iterator[tuple[str, str]]:
    line = made.line
    if facts := facts_of(line, found):
        yield "measured", facts
    yield "current", ", ".join(f"{each.step} of {each.job_name}" for each in made.current) or "no"
    for each in line.consumed:
        yield f"from {each.role or each.port}", f"{each.id}  {each.digest}"
    for gap in line.absent:
        why = f"the step {gap.step} left nothing" if gap.step else "no such recording"
        yield f"without {gap.role or gap.port}", f"{gap.unit}  {why}" if gap.unit else why
    if line.revises is None:
        yield "settings", settings_of((line.document or {})["settings"], line.given)
    if line.rungs:
        yield "for memory", ", then ".join(map(rung_of, line.rungs))
    began = moment(project.history.job(made.place.job).first.started)
    yield "recorded", f"{made.place.job} line {made.place.seq + 1}; the job began {began}"
    yield "task key", line.key or ""
    if spent := [f"{name} {seconds:g}" for name, seconds in line.timings.model_dump().items() if seconds]:
        yield "seconds", ", ".join(spent)


def _made_json(project: Asked, found: str) -> dict[str, Any]:
    made, artifact = _made_of(project, found)
    states = {each.id: state for each, state in made.artifacts}
    own = {"state": states[found], "superseded_by": _successor(project, made, artifact)} if artifact else {}
    own["dropped_by"] = project.catalog.dropped_in(made.line.key or "")
    return {
        "sentence": made_sentence(project, made, found),
        **own,
        "job": made.place.job,
        "seq": made.place.seq,
        "started": project.history.job(made.place.job).first.started,
        "revisions": [revision_json(each) for each in made.revisions],
        "current_as": [{"job_name": each.job_name, "step": each.step} for each in made.current],
        "artifacts": [{"id": each.id, "state": states[each.id], "file": each.file} for each, _ in made.artifacts],
        "record": made.line.model_dump(mode="json", exclude={"salt"}),
    }


def _unit_lines(project: Asked, unit: str) -> Iterator[str]:
    graph = graph_of(project, unit)
    yield unit_sentence(project, graph)
    yield from tree(project, graph, MOST_LINES)
    ended = project.catalog.ended(unit=unit)
    if not ended:
        if not graph.edges:
            yield "no step has come to it yet; next: librarian run JOB"
        return
    yield "steps"
    yield from columns(
        (f"{each.step} of {each.job_name}", _outcome(project, each), _result(project, each)) for each in ended
    )
    revised = project.catalog.revisions(unit=unit)
    yield from (f"  {each.step}.{each.output} of {each.job_name} revised by hand: {each.artifact}" for each in revised)
    yield from newer_lines(revised)


def _outcome(project: Asked, each: Ended) -> str:
    """How it ended, and whether the owner settled it, on which day."""
    if each.good or not project.catalog.is_settled(each.job_name, each.step, each.unit, each.reason):
        return each.outcome
    decided = [one.job for one in project.catalog.decisions(unit=each.unit) if one.reason == each.reason]
    return f"{each.outcome}, settled on {day(project.history.job(max(decided)).first.started)}"


def _result(project: Asked, ended: Ended) -> str:
    if ended.good:
        return gist(measured(project.lineage.made(ended.key).line))
    cause = project.lineage.outcome(ended.place).cause
    return ended.reason.replace("_", " ") + (f": {cause.message}" if cause and cause.message else "")


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
                "settled": not each.good
                and project.catalog.is_settled(each.job_name, each.step, each.unit, each.reason),
                "artifacts": [{"id": one.id, "output": one.output, "state": state} for one, state in artifacts],
            }
        )
    places = len(project.vault.sightings(unit))
    revisions = [revision_json(each) for each in project.catalog.revisions(unit=unit)]
    return {"facts": project.vault.facts(unit), "places": places, "results": results, "revisions": revisions}

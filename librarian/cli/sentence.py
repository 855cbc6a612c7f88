"""The sentence that an answer begins with: what a thing is, when and from what it was made, and what came of it."""

from __future__ import annotations

from librarian.cli.asked import Asked, kind_of
from librarian.cli.facts import gist, measured
from librarian.cli.recorded import day, operation_of, sound_of
from librarian.cli.words import plural, took
from librarian.manifest.lineage import Graph, Made
from librarian.manifest.records import OutcomeLine

MOST_NAMED = 3
"""Inputs that are named in a sentence; more are counted."""


def made_sentence(project: Asked, made: Made, asked: str = "") -> str:
    """`made on 3 May 2026 from OH-1987-042 by normalize 1: raised 6.2 dB to −16.0 LUFS, normalized, 0.4 s`.

    Of a revision: `made by hand on 3 May 2026 from words.words of OH-1987-042`.
    """
    line = made.line
    if line.revises:
        on = day(project.history.job(made.place.job).first.started)
        return f"made by hand on {on} from {_sources(project, line)}"
    reason = line.cause.reason.replace("_", " ") if line.outcome == "degraded" and line.cause else ""
    seconds = sum(line.timings.model_dump(exclude={"wait"}).values())
    came_out = ", ".join(filter(None, (gist(measured(line, asked)), reason, took(seconds))))
    started = project.history.job(made.place.job).first.started
    return f"made on {day(started)} from {_sources(project, line)} by {operation_of(line)}: {came_out}"


def _sources(project: Asked, line: OutcomeLine) -> str:
    read = list(dict.fromkeys(each.id for each in line.consumed))
    few = len(read) <= MOST_NAMED
    named = " and ".join(_called(project, each) for each in read) if few else f"{len(read):,} inputs"
    lacking = dict.fromkeys(each.role or each.port for each in line.absent)
    return f"{named or 'nothing'}{' without ' if lacking else ''}{' and '.join(lacking)}"


def _called(project: Asked, source: str) -> str:
    """What people call an input: a recording by its name, a result by its step and the unit's name."""
    if kind_of(source) != "artifact":
        return project.called(source)
    artifact, line = project.catalog.artifact(source), project.lineage.made(project.catalog.key_of(source)).line
    return f"{line.step}.{artifact.output} of {project.called(line.unit)}"


def unit_sentence(project: Asked, graph: Graph) -> str:
    """`recording rec_…: 18.2 s, 8 kHz, mono, wav pcm_16, seen in 1 place, 3 results`."""
    unit, kind = graph.id, kind_of(graph.id)
    name = project.called(unit)
    known = [sound_of(project.vault.facts(unit) or {})]
    if kind == "recording":
        known.append(f"seen in {plural(len(project.vault.sightings(unit)), 'place')}")
    if graph.made:
        known.append(plural(len(graph.made), "result"))
    words = ", ".join(filter(None, known))
    return f"{kind} {unit}{'' if name == unit else f' ({name})'}{': ' if words else ''}{words}"

"""`librarian revise`: put a file of yours in the place of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from librarian.cli.asked import Asked, asked, asked_mended, kind_of
from librarian.cli.place import held, open_project
from librarian.cli.recorded import columns, revision_json
from librarian.cli.words import plural, say
from librarian.errors import UsageError
from librarian.manifest.revisions import Revision
from librarian.project import Project

LONGEST = 2000
"""Characters of what is said about a revision."""


@dataclass(frozen=True)
class Said:
    """What was typed beside the result and the file."""

    because: str
    clean: bool
    unlike_ok: bool
    undo: bool
    dry_run: bool


@click.command("revise")
@click.argument("artifact", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--because", default="", metavar="TEXT", help="Why, in a sentence; kept in the vault.")
@click.option("--clean", is_flag=True, help="The file names no one, though the result might; recorded as said by you.")
@click.option("--unlike-ok", is_flag=True, help="Take a sound of another length, sample rate or number of channels.")
@click.option("--undo", is_flag=True, help="Take the revision of ARTIFACT back: what the machine made counts again.")
@click.option("--list", "listed", is_flag=True, help="List the revisions, and where the machine made a newer version.")
@click.option("--dry-run", is_flag=True, help="Only check it, and say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(
    context: click.Context, /, artifact: str | None, file: Path | None, listed: bool, as_json: bool, **typed: Any
) -> int:
    """ARTIFACT is a result: its id (art_…) or the beginning of it, its file in library/, or a link to it in a view.
    FILE is what it should be: a sound, a picture or a text of the same kind, or JSON of the same schema. It is checked
    and copied into the library, without metadata, as made by you from that result. From then on later steps take it,
    and the next run does them again; no run replaces it. What the machine made stays, and what it makes anew is kept
    beside it: plan, run and show say where that is newer than what you revised.
    """
    said = Said(**typed)
    if listed:
        return _list(context, as_json)
    if artifact is None or (file is None) != said.undo:
        raise UsageError("type librarian revise ARTIFACT FILE, or librarian revise --undo ARTIFACT")
    if len(said.because) > LONGEST:
        raise UsageError(f"--because has more than {LONGEST:,} characters; write less")
    if file is not None and not file.is_file():
        raise UsageError("FILE: there is no such file")
    opened = open_project(context)
    with held(opened, no_wait=False):
        with asked_mended(context, opened) as project:
            found = _artifact(project, artifact)
        told = _revise(opened, found, file, said) if file else _undo(opened, found, said)
    with asked(context) as project:
        if as_json:
            project.say_json(told)
            return 0
        project.say(_lines(project, told))
    say("nothing is recorded" if said.dry_run else f"record: manifests/{told['job']}.jsonl; next: librarian plan JOB")
    return 0


def _artifact(project: Asked, typed: str) -> str:
    found = project.resolve(typed)
    if (kind := kind_of(found)) != "artifact":
        raise UsageError(f"that is no result ({kind}); the results there are of it: librarian show {found}")
    return found


def _revise(project: Project, found: str, file: Path, said: Said) -> dict[str, Any]:
    from librarian.acts.revise import Given, revise
    from librarian.cli.given import maker_of

    given = Given(file, said.because.strip(), said.clean)
    make = maker_of(project, found, file, unlike_ok=said.unlike_ok)
    made = revise(project, found, given, make, say, dry=said.dry_run)
    return {"job": made.job or None, "artifact": made.artifact, "revises": found, "private": made.private}


def _undo(project: Project, found: str, said: Said) -> dict[str, Any]:
    from librarian.acts.withdraw import withdraw

    job, revisions = withdraw(project, found, said.because.strip(), say, dry=said.dry_run)
    return {"job": job or None, "withdrawn": [revision_json(each) for each in revisions]}


def _lines(project: Asked, told: Mapping[str, Any]) -> Iterator[str]:
    for each in told.get("withdrawn", ()):
        yield f"{each['artifact']} no longer counts, but {each['now'] or 'what the step makes'}: {_what(project, each)}"
    if "artifact" in told:
        places = [_what(project, revision_json(each)) for each in project.catalog.revisions(artifact=told["artifact"])]
        where = f", {'; '.join(places)}" if places else ""
        yield f"{told['artifact']} in the place of {told['revises']}{where}"
        clean = "clean, as that: it may leave the library; whether it names someone: librarian privacy audit"
        yield "private: it may name someone" if told["private"] else clean


def _what(project: Asked, each: Mapping[str, Any]) -> str:
    number = f" {each['item']}" if each["item"] else ""
    return f"{each['step']}.{each['output']}{number} of {each['job_name']}, {project.called(each['unit'])}"


def _list(context: click.Context, as_json: bool) -> int:
    with asked(context) as project:
        found = project.catalog.revisions()
        if as_json:
            project.say_json([revision_json(each) for each in found])
            return 0
        project.say(columns(_row(project, each) for each in found) if found else ())
    newer = [each for each in found if each.newer]
    if newer:
        say(f"{plural(len(newer), 'result')} made anew since. To take what the machine made instead of yours, type:")
        say(f"  librarian revise --undo {newer[0].artifact}")
        say(f"to keep yours, as a revision of that: librarian revise {newer[0].now} FILE")
    elif not found:
        say("nobody revised anything yet; how: librarian revise --help")
    return 0


def _row(project: Asked, each: Revision) -> tuple[str, ...]:
    note = f"the machine has made {each.now} since" if each.newer else ""
    if not each.counts:
        note = f"does not count: its list was made anew{'; ' + note if note else ''}"
    return each.artifact, _what(project, revision_json(each)), note

"""`librarian settle`: record what the owner decided about failures."""

from __future__ import annotations

from collections.abc import Iterator

import click

from librarian.cli.asked import Asked, asked_mended, kind_of
from librarian.cli.place import held, open_project
from librarian.cli.recorded import columns
from librarian.cli.words import say
from librarian.errors import UsageError

_LONGEST = 2000


@click.command("settle")
@click.argument("what", nargs=-1, required=True)
@click.option("--because", default="", metavar="TEXT", help="Why, in a sentence; kept in the vault.")
@click.option("--undo", is_flag=True, help="Take the decision back.")
@click.pass_context
def command(context: click.Context, what: tuple[str, ...], because: str, undo: bool) -> int:
    """WHAT is a recording, a group or a result, as for show. What of it does not end well is known and accepted from
    then on: a run counts it as settled, does not try it again, and ends with 0 where nothing else failed. A cause that
    lies in the recording (corrupt, too short, silent, unsupported) is settled for all steps, any other for the step
    that met it. The record says when; the reason that you give is shown by show --names alone.
    """
    if not because.strip() and not undo:
        raise UsageError("say why, for whoever asks later: --because 'TEXT'")
    if len(because) > _LONGEST:
        raise UsageError(f"--because has more than {_LONGEST:,} characters; write less")
    opened = open_project(context)
    with held(opened, no_wait=False), asked_mended(context, opened) as project:
        units = [project.resolve(each) for each in what]
        found = [each for unit in dict.fromkeys(units) for each in (_standing if undo else _failures)(project, unit)]
        rows = [(project.called(unit), step or "gone", reason.replace("_", " ")) for unit, _, step, reason in found]
        job = _record(project, found, because, undo)
        project.say(columns(rows))
    say(f"{'taken back' if undo else 'settled'}; record: manifests/{job}.jsonl")
    return 0


Case = tuple[str, str, str, str]
"""Unit, job name, step, class of the cause."""


def _failures(project: Asked, unit: str) -> Iterator[Case]:
    if kind_of(unit) in ("job", "task"):
        raise UsageError("settle takes recordings, groups and results, no jobs and tasks; which: librarian show JOB")
    bad = [each for each in project.catalog.ended(unit=unit) if not each.good]
    if not bad:
        raise UsageError(f"nothing of {project.called(unit)} failed; what failed: librarian jobs, librarian show JOB")
    for each in bad:
        yield unit, each.job_name, each.step, each.reason


def _standing(project: Asked, unit: str) -> Iterator[Case]:
    decisions = project.catalog.decisions(unit=unit)
    if not decisions:
        raise UsageError(f"nothing of {project.called(unit)} is settled")
    for each in decisions:
        yield unit, each.job_name, each.step, each.reason


def _record(project: Asked, found: list[Case], because: str, undo: bool) -> str:
    from librarian.acts.decided import settle
    from librarian.manifest.act_lines import DecisionLine

    digest = project.project.id_key.text(because) if because else None
    lines = [
        DecisionLine.model_validate(
            {
                **{"unit": unit, "job_name": job_name, "step": step or None, "reason": reason},
                **{"because": digest, "stands": not undo},
            }
        )
        for unit, job_name, step, reason in found
    ]
    return settle(project.project, lines, because, say)

"""`librarian prune`: make room in the library; what goes stays in the record and can be made again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from typing import Any

import click

from librarian.acts.act import mend
from librarian.acts.drop import complete
from librarian.acts.prune import Choice, Named, Why, choose, prune
from librarian.cli.agreeing import agreed
from librarian.cli.place import held, open_project
from librarian.cli.progress import ProgressLine
from librarian.cli.recorded import columns
from librarian.cli.words import plural, say, size
from librarian.errors import UsageError
from librarian.manifest.catalog import Catalog
from librarian.project import Project
from librarian.run.standing import placed

_QUESTION = "They can be made again from what is recorded. Drop them?"
_STAYS: dict[Why, str] = {
    "elsewhere": "current for another step or job as well; to drop it, name those too: --step",
    "whole": "made of the whole job, and current",
}


@click.command("prune")
@click.option("--superseded", is_flag=True, help="What was current and is not: made otherwise since.")
@click.option("--dropped", is_flag=True, help="What was dropped before, and was made again or brought back since.")
@click.option("--step", "steps", multiple=True, metavar="STEP", help="Whatever a step made, current or not.")
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only results of this job; may be given again.")
@click.option("--older", type=click.FloatRange(min=0), metavar="DAYS", help="Only what was made so long ago.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and leave it.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON; with --yes or --dry-run.")
@click.pass_context
def command(context: click.Context, /, dry_run: bool, yes: bool, no_wait: bool, as_json: bool, **typed: Any) -> int:
    """Results are dropped: they leave the library, and the record keeps what they were. A run counts them as done, and
    makes them again where a step needs them; to have them again, type: librarian run JOB --redo dropped. Nothing that
    is current goes unless --step or --dropped names it. --older alone means what is superseded.
    """
    named = _named(**typed)
    if as_json and not (yes or dry_run):
        raise UsageError("--json asks nothing: add --yes, or --dry-run to look only")
    project, job = open_project(context), ""
    with held(project, no_wait):
        mend(project, say)
        with closing(Catalog(project.catalog, project.manifests, owned=not dry_run)) as catalog:
            _check_steps(catalog, named.steps)
            if named.dropped and not dry_run:
                _take_away_left(project, catalog)
            choice = choose(catalog, named)
        rows = _rows(choice, placed(project.library))
        for line in () if as_json else _preview(rows, choice):
            click.echo(line)
        if choice.goes and not dry_run and agreed(yes, _QUESTION, "to drop all of this"):
            of = plural(len(choice.goes), "task")
            with ProgressLine() as progress:
                job = prune(project, choice, say, lambda number: progress.show(f"{number:,} of {of}"))
    if as_json:
        click.echo(json.dumps(_as_json(rows, choice, job), indent=1))
    say(f"dropped; recorded in manifests/{job}.jsonl; next: librarian du" if job else "nothing was done")
    return 0


def _named(*, superseded: bool, dropped: bool, steps: Sequence[str], jobs: Sequence[str], older: float | None) -> Named:
    if not (superseded or dropped or steps or older is not None):
        raise UsageError("say what goes: --superseded, --dropped, --step STEP or --older DAYS")
    return Named(superseded or not (dropped or steps), dropped, steps, jobs, older)


def _take_away_left(project: Project, catalog: Catalog) -> None:
    if left := complete(project, catalog):
        say(f"what was dropped and still there, of {plural(left, 'task')}, is removed")


def _check_steps(catalog: Catalog, steps: Collection[str]) -> None:
    known = catalog.step_names()
    if unknown := [each for each in steps if each not in known]:
        raise UsageError(f"--step {unknown[0]}: nothing was made by that step; there are {', '.join(sorted(known))}")


Rows = dict[tuple[str, str, str], list[int]]
"""Job name, step, state → tasks, results, bytes that lie there."""


def _rows(choice: Choice, in_place: Callable[[str, int], bool]) -> Rows:
    found: Rows = defaultdict(lambda: [0, 0, 0])
    for results in choice.goes:
        job_name, step, _ = (results.current or (results.by,))[0]
        row = found[job_name, step, "current" if results.current else "superseded"]
        row[0] += 1
        row[1] += len(results.files)
        row[2] += sum(bytes_ for file, bytes_ in results.files if in_place(file, bytes_))
    return dict(sorted(found.items(), key=lambda each: (-each[1][2], each[0])))


def _preview(rows: Rows, choice: Choice) -> Iterator[str]:
    results, room = (sum(row[place] for row in rows.values()) for place in (1, 2))
    yield f"to be dropped: {plural(results, 'result')}, {size(room)}" if rows else "nothing of that is in the library"
    if rows:
        yield from columns(
            (f"{step} of {job}", state, plural(row[1], "result"), size(row[2]))
            for (job, step, state), row in rows.items()
        )
    for why, number in choice.stays.items():
        yield f"{plural(number, 'result')} stay: {_STAYS[why]}"


def _as_json(rows: Rows, choice: Choice, job: str) -> dict[str, Any]:
    steps = [
        {"job_name": of[0], "step": of[1], "state": of[2], "tasks": row[0], "results": row[1], "bytes": row[2]}
        for of, row in rows.items()
    ]
    totals = {
        name: sum(row[place] for row in rows.values()) for place, name in enumerate(("tasks", "results", "bytes"))
    }
    return {"job": job or None, **totals, "steps": steps, "stays": {why: choice.stays.get(why, 0) for why in _STAYS}}

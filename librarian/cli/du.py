"""`librarian du`: what takes room in the library, by step and state."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from librarian.cli.asked import asked
from librarian.cli.recorded import columns
from librarian.cli.words import say, size
from librarian.manifest.catalog import Catalog
from librarian.project import Project
from librarian.run.standing import placed

_STATES = ("current", "superseded", "suspect", "missing", "dropped")


@click.command("du")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """A row for each step and state, the largest first: how many results there are, and the bytes that they take.
    Superseded: made again with other settings or from another input since, or revised by hand. Dropped: removed by
    prune, or since their step keeps them until they are used; a run counts them as done, and makes them again where a
    step needs them. Missing results take no room either; the next run that wants them makes them again.
    """
    with asked(context) as project:
        rows = by_step(project.catalog, project.project.library)
        beside = _beside(project.project)
        if as_json:
            found = [
                {"job_name": job, "step": step, "state": state, "results": number, "bytes": bytes_}
                for (job, step, state), (number, bytes_) in rows
            ]
            click.echo(json.dumps({"steps": found, "beside": beside}, indent=1))
            return 0
        project.say(_lines(rows, beside))
    superseded = any(state == "superseded" for (_, _, state), _ in rows)
    after = "next: librarian prune --superseded --dry-run" if superseded else "next: librarian view DIR"
    say(after if rows else "nothing is in the library yet; next: librarian run job.yaml")
    return 0


Row = tuple[tuple[str, str, str], tuple[int, int]]
"""Job name, step, state; results, bytes."""


def by_step(catalog: Catalog, library: Path) -> list[Row]:
    """What the results of each step take, by state, the largest first."""
    in_place = placed(library)
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for job, step, _, file, bytes_, current, suspect, dropped in catalog.kept():
        there = not dropped and in_place(file, bytes_)
        gone = "dropped" if dropped else "missing"
        state = gone if not there else "suspect" if suspect else "current" if current else "superseded"
        row = found[job, step, state]
        row[0] += 1
        row[1] += bytes_ if there else 0
    sums = ((of, (number, bytes_)) for of, (number, bytes_) in found.items())
    return sorted(sums, key=lambda row: (-row[1][1], row[0]))


def _beside(project: Project) -> dict[str, int]:
    """Bytes of what is no result: record, vault and indexes, and what runs that were cut off left."""
    files = {
        "record": list(project.manifests.glob("*.jsonl")),
        "vault": list(project.state.glob("vault.db*")),
        "catalog": list(project.state.glob("catalog.db*")),
        "words": list(project.state.glob("words.db*")),
        "staging": [path for path in project.staging.rglob("*") if path.is_file()] if project.staging.is_dir() else [],
    }
    return {what: sum(path.stat().st_size for path in found) for what, found in files.items()}


def _lines(rows: list[Row], beside: dict[str, int]) -> Iterator[str]:
    yield from columns(
        (f"{step} of {job}", state, f"{number:,} results", size(bytes_))
        for (job, step, state), (number, bytes_) in rows
    )
    total = {state: sum(bytes_ for of, (_, bytes_) in rows if of[2] == state) for state in _STATES}
    words = [f"{state} {size(bytes_)}" for state, bytes_ in total.items() if bytes_]
    yield ", ".join([*words, *(f"{what} {size(bytes_)}" for what, bytes_ in beside.items() if bytes_)])

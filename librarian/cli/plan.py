"""`librarian plan`: what a run would do, and why. Nothing is run and nothing is written."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import click

from librarian import project as projects
from librarian.cli.common import check, refuse_shadow, workers_for
from librarian.cli.place import project_option
from librarian.cli.words import plural, size
from librarian.job import Job, read
from librarian.manifest.catalog import Catalog
from librarian.plan import Planner, seal_texts
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Scan, known_recordings
from librarian.run import placed

NOT_READ = "not read yet"
Counts = dict[str, Counter[tuple[str, str]]]


@click.command("plan")
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--upgrade", is_flag=True, help="Follow new versions of operations, models and defaults.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_context
def command(context: click.Context, job: Path, upgrade: bool, as_json: bool) -> int:
    """One row a step: how many of its tasks are done, how many there are to do, and why. Recordings whose content is
    not known yet count as new: plan reads names and sizes only.
    """
    refuse_shadow()
    with workers_for(1, lambda line: None) as workers:
        checked = check(read(job), workers)
    root = projects.find(project_option(context))
    counts = (
        _in_project(projects.load(root), checked.job, checked.scan, upgrade)
        if root
        else _all_new(checked.job, checked.scan)
    )
    if as_json:
        click.echo(json.dumps(_as_json(checked.scan, counts), indent=1))
    else:
        _show(checked.scan, counts)
    return 0


def _in_project(project: Project, job: Job, scan: Scan, upgrade: bool) -> Counts:
    sealed, _ = seal_texts(job, project.id_key)
    catalog = Catalog(project.catalog, project.manifests, owned=False)
    vault = Vault(project.vault, owned=False)
    planner = Planner(sealed, catalog, project.id_key, placed(project.library), upgrade=upgrade)
    counts: Counts = defaultdict(Counter)
    for recording in known_recordings(scan, vault):
        for task in planner.tasks(recording):
            why = task.why if recording.sha256 else NOT_READ
            counts[task.step.id][
                ("done" if task.state == "current" else "to do" if why else "done elsewhere", why)
            ] += 1
    catalog.close()
    vault.close()
    return counts


def _all_new(job: Job, scan: Scan) -> Counts:
    files = len({sighting.path for sighting in scan.sightings})
    return {step.id: Counter({("to do", NOT_READ): files}) for step in job.steps}


def _as_json(scan: Scan, counts: Counts) -> dict[str, object]:
    rows = {
        step: [{"state": state, "why": why, "tasks": number} for (state, why), number in sorted(found.items())]
        for step, found in counts.items()
    }
    return {
        "files": len(scan.sightings),
        "bytes": scan.bytes,
        "not_taken": dict(scan.not_taken),
        "steps": rows,
    }


def _show(scan: Scan, counts: Counts) -> None:
    click.echo(f"{plural(len(scan.sightings), 'file')}, {size(scan.bytes)}")
    width = max((len(step) for step in counts), default=0)
    for step, found in counts.items():
        done = sum(number for (state, _), number in found.items() if state != "to do")
        click.echo(f"  {step:<{width}}  {done:,} done, {found.total() - done:,} to do")
        for (state, why), number in found.most_common():
            if state == "to do":
                click.echo(f"  {'':<{width}}    {number:,}  {why}")

"""`librarian jobs`: what was done, newest last."""

from __future__ import annotations

import click

from librarian.cli.asked import asked
from librarian.cli.recorded import columns, moment, tally
from librarian.cli.words import say
from librarian.manifest.history import JobRecord


@click.command("jobs")
@click.option("-n", "most", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_context
def command(context: click.Context, most: int, as_json: bool) -> int:
    """One row a job: its id, when it began, its name, and what came of its tasks; of one that is no run, what it was
    (forget, settle, revise …). One that is interrupted did not come to its end; one that is open is under way, or was
    cut off: the next run seals it.
    """
    with asked(context) as project:
        ids = project.catalog.jobs()
        records = {job: project.history.job(job) for job in ids[-most:]}
        if as_json:
            project.say_json([_as_json(job, record) for job, record in records.items()])
            return 0
        project.say(columns(_row(job, record) for job, record in records.items()))
    if not ids:
        say("no job yet; next: librarian run job.yaml")
    elif len(ids) > most:
        say(f"the newest {most} of {len(ids)}; all: librarian jobs -n {len(ids)}")
    else:
        say(f"next: librarian show {ids[-1]}")
    return 0


def _row(job: str, record: JobRecord) -> tuple[str, ...]:
    state = "" if record.state == "complete" else f"{record.state}, "
    came = tally(record.counts.values()) if record.name else ""
    return job, moment(record.first.started, short=True), record.name or record.first.act, state + came


def _as_json(job: str, record: JobRecord) -> dict[str, object]:
    return {
        **{"id": job, "act": record.first.act, "name": record.name or None, "state": record.state},
        **{"started": record.first.started, "ended": record.ended},
        **{"recordings": record.recordings, "counts": record.counts},
    }

"""`librarian verify`: check the record and the library."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click

from librarian.cli.place import open_project
from librarian.cli.words import plural, size
from librarian.manifest.catalog import Catalog
from librarian.manifest.verify import verify
from librarian.privacy.scrub import Scrubber


@click.command("verify")
@click.option("--read-data", is_flag=True, help="Read every artifact and compare its digest, not only its size.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(context: click.Context, read_data: bool, as_json: bool) -> int:
    """Checks every line and chain of the manifests, and that each artifact lies where the record says, with its size.
    What is found wrong with --read-data is made again by the next run. Ends with 1 if anything is wrong.
    """
    project = open_project(context)
    catalog = Catalog(project.catalog, project.manifests, owned=False)
    report = verify(catalog, project.manifests, project.library, project.id_key, read_data=read_data)
    catalog.close()
    scrubber = Scrubber(project.pseudonym_key)
    scrubber.learn([os.fspath(project.root)])
    report.problems = [scrubber.scrub(problem, limit=500) for problem in report.problems]
    if as_json:
        click.echo(json.dumps(asdict(report), indent=1))
        return int(bool(report.problems))
    for problem in report.problems:
        click.echo(problem)
    counts = (plural(report.manifests, "manifest"), plural(report.lines, "line"), plural(report.artifacts, "artifact"))
    how = "every byte read" if read_data else "sizes only; --read-data reads every byte"
    click.echo(f"{', '.join(counts)}, {size(report.bytes)} ({how}): {plural(len(report.problems), 'problem')}")
    return int(bool(report.problems))

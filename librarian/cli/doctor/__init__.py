"""`librarian doctor`: whether everything is as it should be, and what to do where not. One file a group of checks."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from librarian import project as projects
from librarian.cli.doctor import gpu, installation, machine, models, project, workers
from librarian.cli.doctor.finding import Finding, fail
from librarian.cli.place import project_option
from librarian.cli.words import fitted, say
from librarian.errors import EnvironmentFailedError, LibrarianError
from librarian.privacy.known import secrets, surroundings
from librarian.privacy.scrub import Scrubber

LONGEST = 300
Checks = Mapping[str, Callable[[], Iterator[Finding]]]
"""What a check is about → the check."""


@click.command("doctor")
@click.option(
    "--backup",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look whether this backup of the project holds its keys and its vault.",
)
@click.option("--digests", is_flag=True, help="Read every byte of the models, and not only their sizes.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(context: click.Context, backup: Path | None, digests: bool, as_json: bool) -> int:
    """A line each, ok, warn or fail, with the remedy. Ends with 0 where nothing fails, else with the highest code of
    what does: 3 an extension, 4 privacy, 5 a model or tool, 6 disk, permission or lock, 1 the rest.
    """
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    scrubber.learn_secrets(secrets())
    named = project_option(context)
    checks: Checks = {
        "librarian": installation.findings,
        "workers": workers.findings,
        "torch": gpu.findings,
        "machine": machine.findings,
        "project": lambda: project.findings(named, backup),
        "models": lambda: models.findings(context, digests=digests),
    }
    found = [each.scrubbed(scrubber, LONGEST) for what, check in checks.items() for each in _found(what, check)]
    worst = max(each.code for each in found)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
        return worst
    for each in found:
        begin = f"{each.state:<4}  {each.what:<10}  "
        click.echo(fitted(begin + each.text, sys.stdout, hang=len(begin)))
    if worst:
        say("mend what fails, and type the same again")
    else:
        say(f"nothing fails; next: librarian {'run job.yaml' if projects.find(named) else 'init'}")
    return worst


def _found(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds; one that cannot be made is a finding too, and keeps no other from being made."""
    try:
        yield from check()
    except LibrarianError as error:
        yield fail(what, str(error), error.exit_code)
    except OSError as error:
        yield fail(what, f"cannot be looked at: {error.strerror}", EnvironmentFailedError.exit_code)

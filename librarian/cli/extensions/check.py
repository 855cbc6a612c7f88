"""`librarian extensions check`: whether an extension keeps to the contract, by the conformance suite."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from librarian.cli.extensions.packages import package_of
from librarian.cli.place import installed_models
from librarian.cli.words import fitted, say
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.testing.subject import Subject
from librarian.testing.suite import Result, results

_WIDEST_STATE = len("not applicable")
_WIDEST_CHECK = len("recognizers")


@click.command("check")
@click.argument("package")
@click.option("--json", "as_json", is_flag=True, help="Print what came of each check, as JSON.")
@click.pass_context
def command(context: click.Context, package: str, as_json: bool) -> int:
    """PACKAGE is a distribution, the name of its entry point, or the folder of a pyproject.toml that is installed. A
    line a check: ok, failed with the remedy, or not applicable and why. Each operation is run in workers, many times,
    with its own example or its defaults, on sounds that are made for it. Ends with 1 if anything fails, with 3 if the
    extension is missing or broken.
    """
    named, models = package_of(package), installed_models(context)
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    subject = Subject(named, "", models=lambda declaration, folder: models)
    with tempfile.TemporaryDirectory(prefix="librarian-check-", ignore_cleanup_errors=True) as folder:
        found = list(_shown(results(subject, Path(folder).resolve()), scrubber, quiet=as_json))
    if as_json:
        click.echo(json.dumps([_as_json(each, scrubber) for each in found], indent=1))
    return _end(named, found)


def _shown(found: Iterator[Result], scrubber: Scrubber, *, quiet: bool) -> Iterator[Result]:
    """Show each as it comes."""
    operation = ""
    for each in found:
        if not quiet:
            if each.operation != operation:
                operation = each.operation
                click.echo(operation)
            begin = f"  {each.state:<{_WIDEST_STATE}}  {each.check:<{_WIDEST_CHECK}}  "
            click.echo(fitted(begin + scrubber.scrub(each.text, limit=300), sys.stdout, hang=len(begin)))
        yield each


def _as_json(result: Result, scrubber: Scrubber) -> dict[str, object]:
    found = asdict(result) | {"text": scrubber.scrub(result.text, limit=300)}
    del found["ends"]
    return found


def _end(package: str, found: list[Result]) -> int:
    counts = Counter(each.state for each in found)
    said = ", ".join(f"{counts[state]} {state}" for state in ("ok", "failed", "not applicable") if counts[state])
    if any(each.ends for each in found):
        say(f"{package}: {said}; it cannot be used")
        return 3
    say(f"{package}: {said}{'; mend what fails, and type the same again' if counts['failed'] else ''}")
    return int(bool(counts["failed"]))

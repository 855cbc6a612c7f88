"""`librarian extensions`: what is installed and what it can do."""

from __future__ import annotations

import json
import os

import click

from librarian.cli.common import workers_for
from librarian.operation import Declaration
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.workers.declared import Extension, extensions


@click.command("extensions")
@click.argument("operation", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything that is declared, as JSON.")
def command(operation: str | None, as_json: bool) -> int:
    """With an OPERATION, its settings, inputs, outputs and facts. An extension that cannot be used is listed with the
    reason; it ends with 3 then.
    """
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    with workers_for(1, lambda line: None) as workers:
        found = extensions(workers)
    if as_json:
        click.echo(json.dumps([_as_json(each, scrubber) for each in found], indent=1))
    elif operation:
        return _one(operation, found)
    else:
        for each in found:
            _list(each, scrubber)
    return 3 if any(each.problem for each in found) else 0


def _as_json(extension: Extension, scrubber: Scrubber) -> dict[str, object]:
    return {
        "package": extension.package,
        "version": extension.version,
        "problem": scrubber.scrub(extension.problem, limit=300),
        "operations": [each.model_dump(mode="json") for each in extension.declarations],
    }


def _list(extension: Extension, scrubber: Scrubber) -> None:
    click.echo(f"{extension.package} {extension.version}")
    if extension.problem:
        click.echo(f"  cannot be used: {scrubber.scrub(extension.problem, limit=300)}")
    for each in extension.declarations:
        click.echo(f"  {each.name:<16} {each.description}")


def _one(name: str, found: list[Extension]) -> int:
    for extension in found:
        for each in extension.declarations:
            if name in (each.name, each.full_name):
                _describe(each)
                return 0
    raise click.UsageError(f"no installed extension offers {name}; what is there: librarian extensions")


def _describe(each: Declaration) -> None:
    click.echo(f"{each.full_name} {each.version}\n{each.description}\n\nsettings (with:)")
    for name, schema in each.settings_schema.get("properties", {}).items():
        click.echo(
            f"  {name:<14} {schema.get('description', '')} Default: {schema.get('default', 'none, it must be given')}."
        )
    for title, ports in (("inputs (from:)", each.inputs), ("outputs", each.outputs or {})):
        click.echo(f"\n{title}")
        for name, port in ports.items():
            click.echo(
                f"  {name:<14} {'many ' if port.many else ''}{port.kind}{' (optional)' if port.optional else ''}"
            )
    click.echo("\nfacts in the record")
    for name, fact in each.facts.items():
        words = f" ({', '.join(fact['words'])})" if fact["words"] else f" ({fact['unit']})" if fact["unit"] else ""
        click.echo(f"  {name:<14} {fact['description']}{words}")

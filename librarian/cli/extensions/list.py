"""`librarian extensions list`, the command where none is typed: what is installed and what it can do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from librarian import apis
from librarian.cli.working import workers_for
from librarian.errors import ExtensionError
from librarian.job import did_you_mean
from librarian.models.known import KnownModel
from librarian.operation import Declaration, Port
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.workers.declared import Extension, extensions
from librarian.workers.installed import state_of_all


@click.command("list")
@click.argument("operation", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything that is declared, as JSON.")
def command(operation: str | None, as_json: bool) -> int:
    """With an OPERATION, its settings, inputs, outputs and facts. An extension that cannot be used is listed with the
    reason; it ends with 3 then.
    """
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    with workers_for(1, lambda line: None) as workers:
        found = extensions(workers, remembered=state_of_all())
    if operation:
        found = _offering(operation, found)
    if as_json:
        click.echo(json.dumps([_as_json(each, scrubber) for each in found], indent=1))
    elif operation:
        click.echo("\n\n".join(_description(each) for extension in found for each in extension.declarations))
    else:
        for each in found:
            _list(each, scrubber)
    return 3 if any(each.problem for each in found) else 0


def _as_json(extension: Extension, scrubber: Scrubber) -> dict[str, object]:
    return {
        "package": extension.package,
        "version": extension.version,
        "api": extension.api,
        "leaving": apis.leaving(extension.api),
        "problem": scrubber.scrub(extension.problem, limit=300),
        "recognizers": [each["type"] for each in extension.recognizers],
        "operations": [each.model_dump(mode="json") for each in extension.declarations],
    }


def _list(extension: Extension, scrubber: Scrubber) -> None:
    click.echo(f"{extension.package} {extension.version}")
    if extension.problem:
        click.echo(f"  cannot be used: {scrubber.scrub(extension.problem, limit=300)}")
    elif leaving := apis.leaving(extension.api):
        click.echo(f"  {_leaves(extension.api, leaving)}")
    for each in extension.declarations:
        click.echo(f"  {each.name:<16} {each.description}")
    if extension.recognizers:
        click.echo(f"  looks in texts for {', '.join(sorted({each['type'] for each in extension.recognizers}))}")


def _leaves(api: int, day: str) -> str:
    from librarian.cli import recorded  # brings the whole record, and hardly anyone sees this line

    newest = f"written for API {api}, {apis.newest()} is the newest"
    return f"{newest}: releases from {recorded.day(day)} on may no longer take it; upgrade it"


def _offering(name: str, installed: Sequence[Extension]) -> list[Extension]:
    """Those that offer an operation, with it alone."""
    found = []
    for each in installed:
        declared = tuple(one for one in each.declarations if name in (one.name, one.full_name))
        found += [replace(each, declarations=declared)] if declared else []
    if not found:
        words = {word for each in installed for one in each.declarations for word in (one.name, one.full_name)}
        hint = did_you_mean(name, words)
        raise ExtensionError(f"no installed extension offers {name}; what is there: librarian extensions{hint}")
    return found


def _description(each: Declaration) -> str:
    settings = each.settings_schema.get("properties", {})
    return "\n\n".join(
        (
            f"{each.full_name} {each.version}\n{each.description}",
            _table("settings (with:)", {name: _setting(schema) for name, schema in settings.items()}),
            _table("inputs (from:)", {name: _port(port) for name, port in each.inputs.items()}),
            _outputs(each),
            *_elsewhere(each),
            _table("facts in the record", {name: _fact(fact) for name, fact in each.facts.items()}),
            *([_table("models (librarian models)", dict(map(_model, each.models)))] if each.models else ()),
        )
    )


def _outputs(each: Declaration) -> str:
    if each.outputs is None:
        return "outputs: as its settings say"
    return _table("outputs", {name: _port(port) for name, port in each.outputs.items()})


def _elsewhere(each: Declaration) -> list[str]:
    """What it does beside reading and writing, which a rule of the job file has to allow."""
    found = []
    for what, stated in (("talks to", each.hosts), ("does more (allow:)", each.effects)):
        if stated or stated is None:
            found.append(f"{what}: {', '.join(stated) if stated else 'as its settings say'}")
    return found


def _table(title: str, rows: Mapping[str, str]) -> str:
    width = max(map(len, rows), default=0)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows.items()]
    return "\n".join([title if rows else f"{title}: none", *lines])


def _setting(schema: Mapping[str, Any]) -> str:
    said = schema.get("description", "")
    choices = list(map(str, schema.get("enum") or schema.get("items", {}).get("enum", ())))
    told = all(re.search(rf"\b{re.escape(word)}\b", said) for word in choices)
    default = f"Default: {_typed(schema['default'])}." if "default" in schema else "It must be given."
    return " ".join(filter(None, (said, "" if told else f"One of: {', '.join(choices)}.", default)))


def _typed(value: object) -> str:
    """A value as it is typed."""
    if isinstance(value, list):
        return f"[{', '.join(map(_typed, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"


def _port(port: Port) -> str:
    return f"{'many ' if port.many else ''}{port.kind}{', may be left out' if port.optional else ''}"


def _model(model: KnownModel) -> tuple[str, str]:
    return model.name, ", ".join(filter(None, (model.description.removesuffix("."), model.licence))) or "-"


def _fact(fact: Mapping[str, Any]) -> str:
    more = ", ".join(fact["words"]) or fact["unit"]
    return f"{fact['description']} ({more})" if more else str(fact["description"])

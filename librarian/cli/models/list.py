"""`librarian models list`: the models that a project can use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from librarian.cli.models.place import known_models, lock_of
from librarian.cli.place import installed_models
from librarian.cli.recorded import columns
from librarian.cli.words import plural, say, size
from librarian.models.installed import Installed
from librarian.models.known import KnownModel
from librarian.models.lock import LockedModel


@click.command("list")
@click.option("--known", is_flag=True, help="Also those that installed extensions know and that are not there.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known of them, as JSON.")
@click.pass_context
def command(context: click.Context, known: bool, as_json: bool) -> int:
    """One row a model: its name, what loads it, its licence, its files and their size, whether they are on this machine
    (by their sizes; every byte is compared by verify). Without a project, what this machine has.
    """
    lock_of(context)
    found = installed_models(context)
    others = [each for name, each in known_models().items() if name not in found.lock.by_name] if known else []
    if as_json:
        click.echo(
            json.dumps([*(_installed_json(each, found) for each in found.lock.models), *map(_json, others)], indent=1)
        )
        return 0
    rows = [*(_row(each, found) for each in found.lock.models), *map(_known_row, others)]
    for line in columns(rows) if rows else ():
        click.echo(line)
    _say_next(found, known, others)
    return 0


def _state(model: LockedModel, installed: Installed) -> str:
    return "here" if installed.store.holds(model) else "files missing"


def _row(model: LockedModel, installed: Installed) -> tuple[str, ...]:
    files = f"{plural(len(model.files), 'file')}, {size(model.bytes)}"
    return model.name, model.loader or "-", model.licence or "licence not known", files, _state(model, installed)


def _known_row(model: KnownModel) -> tuple[str, ...]:
    total = sum(file.size for file in model.files)
    files = plural(len(model.files), "file") + (f", {size(total)}" if total else "")
    return model.name, model.loader or "-", model.licence or "licence not known", files, "not installed"


def _installed_json(model: LockedModel, installed: Installed) -> dict[str, Any]:
    return {**model.model_dump(mode="json"), "bytes": model.bytes, "state": _state(model, installed)}


def _json(model: KnownModel) -> dict[str, Any]:
    words = {name: getattr(model, name) for name in ("name", "source", "revision", "licence", "loader", "description")}
    return {**words, "files": [vars(file) for file in model.files], "state": "not installed"}


def _say_next(installed: Installed, known: bool, others: Sequence[KnownModel]) -> None:
    if others:
        can = next((each.name for each in others if each.source), "")
        say(f"next: librarian models {f'fetch {can}' if can else f'add FOLDER --name {others[0].name}'}")
    elif installed.lock.models:
        say("next: librarian models verify")
    elif known:
        say("none is installed, and no extension that is installed knows any")
    else:
        say("none is installed; what extensions can use: librarian models list --known")

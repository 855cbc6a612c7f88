"""`librarian models pack`: models in one archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from librarian.cli.models.place import chosen, copying
from librarian.cli.place import installed_models
from librarian.cli.words import plural, say, size
from librarian.errors import UsageError
from librarian.models.packing import pack


@click.command("pack")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
@click.pass_context
def command(context: click.Context, out: Path, names: Sequence[str]) -> None:
    """OUT is a tar archive that is made; NAMES are the models in it, all of them if left out. On the other machine
    type: librarian models add OUT.
    """
    installed = installed_models(context)
    models = chosen(installed.lock, names)
    if not models:
        raise UsageError("no model is installed; what extensions can use: librarian models list --known")
    total = sum(model.bytes for model in models)
    with copying(total, "packed") as told:
        pack(installed.store, models, out, told)
    say(f"{plural(len(models), 'model')}, {size(total)}: {', '.join(model.name for model in models)}")
    say(f"next, on the other machine: librarian models add {out.name}")

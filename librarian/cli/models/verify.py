"""`librarian models verify`: every byte of the models."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import click

from librarian.cli.models.place import chosen, known_models
from librarian.cli.place import installed_models
from librarian.cli.progress import ProgressLine
from librarian.cli.words import plural, say, size
from librarian.models.lock import LockedModel


@click.command("verify")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print what was found, as JSON.")
@click.pass_context
def command(context: click.Context, names: Sequence[str], as_json: bool) -> int:
    """NAMES are the models that are read, all of them if left out. Ends with 1 where a file is missing, is not the one
    of models.lock, or is not listed there.
    """
    installed = installed_models(context)
    models = chosen(installed.lock, names)
    found = {}
    with ProgressLine() as line:
        for number, model in enumerate(models):
            line.show(f"{number} of {plural(len(models), 'model')} read")
            found[model.name] = list(installed.store.faults(model))
    failed = any(found.values())
    if as_json:
        rows = [
            {"name": name, "faults": [{"file": file, "what": what} for file, what in faults]}
            for name, faults in found.items()
        ]
        click.echo(json.dumps(rows, indent=1))
        return int(failed)
    for name, faults in found.items():
        said = ", ".join(
            f"{plural(number, 'file')} {what}" for what, number in Counter(what for _, what in faults).items()
        )
        click.echo(f"{name}: {said or 'as in models.lock'}")
    click.echo(f"{plural(len(models), 'model')}, {size(sum(model.bytes for model in models))}, every byte read")
    if failed:
        worst = next(model for model in models if found[model.name])
        fetch = f", or: librarian models fetch {worst.name}" if _can_be_fetched(worst) else ""
        say(f"next: librarian models add FOLDER --name {worst.name}{fetch}")
    return int(failed)


def _can_be_fetched(model: LockedModel) -> bool:
    known = known_models().get(model.name)
    return bool(model.source or (known and known.source))

"""`librarian models remove`: a model out of the lock."""

from __future__ import annotations

import click

from librarian.cli.models.place import chosen, lock_of
from librarian.cli.place import installed_models
from librarian.cli.words import say
from librarian.errors import UsageError
from librarian.models.lock import change_lock


@click.command("remove")
@click.argument("name")
@click.option("--files", is_flag=True, help="Remove its files from this machine too: other projects lose them.")
@click.pass_context
def command(context: click.Context, name: str, files: bool) -> None:
    """NAME is no longer used by this project. Its files stay on this machine for others; models fetch NAME takes them
    back.
    """
    lock, installed = lock_of(context), installed_models(context)
    (model,) = chosen(installed.lock, [name])
    if lock is None and not files:
        raise UsageError("no project here that uses it; to remove the files from this machine: --files")
    if lock:
        change_lock(lock, lambda found: found.without(name))
    if files:
        installed.store.remove(model)
    say(f"{name} is removed{', its files too' if files else '; its files stay on this machine: --files removes them'}")

"""`librarian models`: the models that operations use. One file a command, imported when it is typed."""

from __future__ import annotations

import click

from librarian.cli import LazyGroup

COMMANDS = {
    "list": "List the models that this project can use.",
    "add": "Copy a model's files from a folder or an archive, and put it into models.lock.",
    "fetch": "Fetch models that extensions know, from where these say.",
    "pack": "Write models into one archive, for a machine without network.",
    "verify": "Read every byte of the models and compare it with models.lock.",
    "remove": "Take a model out of models.lock.",
}
"""Command → its one-line help, in the order of the help page."""


class ModelsGroup(LazyGroup):
    """The commands about models."""

    table = COMMANDS
    package = "librarian.cli.models"


@click.group("models", cls=ModelsGroup)
def command() -> None:
    """What a project uses stands in .librarian/models.lock, with the digest of every file; the files lie in one place
    for all projects of this machine (LIBRARIAN_MODELS, else ~/.local/share/librarian/models). Nothing is fetched
    unless `fetch` is typed.
    """

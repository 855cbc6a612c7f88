"""`librarian extensions new`: a small package that works, to begin with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import click

from librarian.authoring.scaffold import Name, write
from librarian.cli.words import plural, say
from librarian.cli.working import workers_for
from librarian.errors import UsageError
from librarian.workers.declared import extensions
from librarian.workers.installed import state_of_all

_KINDS = ("function", "model", "client", "recognizer")


@click.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="function",
    show_default=True,
    help="A plain function; a class that loads a model and computes in batches; a client of a server; what to look for "
    "in texts.",
)
@click.option(
    "--into",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Where its folder is made; else here.",
)
def command(name: str, kind: str, into: Path) -> None:
    """It goes into a folder librarian-NAME: settings, an operation called NAME, a README, and tests by the conformance
    suite. NAME has small letters, digits and hyphens.
    """
    named = Name.read(name)
    _refuse_taken(named)
    files = write(named, kind, into)
    say(f"{named.distribution}: {plural(len(files), 'file')}")
    for file in files:
        click.echo(into / named.distribution / file)
    install = f"pip install -e '{into / named.distribution}[test]'"
    say(f"next: {install}, then: librarian extensions check {named.distribution}")


def _refuse_taken(name: Name) -> None:
    """Refuse what is installed already, and the name of an operation that an installed extension has.

    Raises:
        UsageError: it is taken.
    """
    try:
        distribution(name.distribution)
    except PackageNotFoundError:
        pass
    else:
        raise UsageError(f"{name.distribution} is installed already; take another name")
    with workers_for(1, lambda line: None) as workers:
        for each in extensions(workers, remembered=state_of_all()):
            if name.operation in (declared.name for declared in each.declarations):
                raise UsageError(f"{each.package} has an operation {name.operation} already; take another name")

"""`librarian catalog`: the index over all manifests."""

from __future__ import annotations

import time

import click

from librarian.cli.place import held, open_project
from librarian.cli.words import duration, plural, say


@click.group("catalog")
def group() -> None:
    """The catalog is an index: what it holds stands in the manifests, and it can be made anew from them at any time."""


@group.command("rebuild")
@click.pass_context
def rebuild(context: click.Context) -> int:
    """Make the index anew from the manifests, and put it into the place of the one that is there.

    A damaged one is made anew by any run; this is for one that is doubted. What verify found suspect stays so.
    """
    from librarian.manifest.index import rebuild as make_anew
    from librarian.manifest.journal import manifests

    project = open_project(context)
    with held(project, no_wait=False):
        began = time.monotonic()
        make_anew(project.catalog, project.manifests)
    number = len(manifests(project.manifests))
    say(f"made anew from {plural(number, 'manifest')} in {duration(time.monotonic() - began)}; next: librarian verify")
    return 0


command = group

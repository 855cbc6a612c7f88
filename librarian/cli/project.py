"""`librarian project`: where a project keeps what it makes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from librarian.cli.place import find_root, held, open_project
from librarian.cli.progress import ProgressLine
from librarian.cli.words import plural, say, size


@click.group("project")
def group() -> None:
    """The library may lie on any disk; keys, vault and index stay in .librarian/, on a local one."""


@group.command("move")
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.pass_context
def move(context: click.Context, new: Path) -> int:
    """Move the library to NEW: copy every result, read the copies back, and use them from then on.

    Cut off, the same command goes on, and until all is copied and verified the old library is used. It is not removed:
    what is left in it says the last line. Views lead to the new one at once.
    """
    from librarian import project as projects
    from librarian.acts.act import act
    from librarian.manifest.act_lines import MovedLine
    from librarian.privacy.vault import Vault
    from librarian.run.moving import copy_library
    from librarian.view import views

    project, target = open_project(context), new.absolute()
    with contextlib.ExitStack() as stack:
        stack.enter_context(held(project, no_wait=False))
        with contextlib.closing(Vault(project.vault, owned=False)) as known:
            views.check_place(project, known, target)
        doing = stack.enter_context(act(project, "move", say))
        vault = stack.enter_context(contextlib.closing(Vault(project.vault, owned=True)))
        progress = stack.enter_context(ProgressLine())

        def tell(number: int) -> None:
            progress.show(plural(number, "result"))

        copied = copy_library(project, doing.catalog, target, tell)
        doing.record(MovedLine(results=copied.files, bytes=copied.bytes, before=copied.before, left=copied.left))
        projects.place_library(project.root, target)
        moved = projects.load(find_root(context))
        for view in vault.views():
            views.refresh(moved, doing.catalog, vault, view)
    before = f", {copied.before:,} were there" if copied.before else ""
    say(f"{plural(copied.files, 'result')} copied ({size(copied.bytes)}{before}), each read back; in use from now on")
    if copied.left:
        say(f"{plural(copied.left, 'result')} missing or damaged, and left out: the next run makes them again")
    say(f"record: manifests/{doing.job}.jsonl")
    say("the old library is as it was; next: librarian verify, then remove it")
    return 0


command = group

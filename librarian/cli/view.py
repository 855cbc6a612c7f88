"""`librarian view`: names come back as a folder of links to the current results."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from librarian.cli.place import held, open_project
from librarian.cli.typed import OneOf
from librarian.cli.words import AGAIN, as_typed, plural, say
from librarian.errors import UsageError


@click.command("view")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=OneOf(("folders", "steps", "flat")),
    help="folders: the recordings' own (the default); steps: one for each step, with those in it; flat: none.",
)
@click.option("--steps", metavar="STEP[,…]", default="", help="Only these steps, or outputs (voice.audio).")
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only results of this job; may be given again.")
@click.option("--remove", is_flag=True, help="Take the view away; what else lies in it stays.")
@click.pass_context
def command(
    context: click.Context,
    folder: Path | None,
    layout: str | None,
    steps: str,
    jobs: tuple[str, ...],
    remove: bool,
) -> int:
    """DIR is a folder outside the library: it is made, or brought up to date, with links under the names and in the
    folders of your recordings. Typed again without options it shows what it showed before; without DIR all views are
    brought up to date. Files that the view did not make are never touched. It holds names: give it to nobody.
    """
    from librarian.acts.act import mend
    from librarian.manifest.catalog import Catalog
    from librarian.privacy.vault import Vault
    from librarian.view import views

    project = open_project(context)
    wanted = [each for each in steps.split(",") if each]
    options = views.Options(layout or "folders", wanted, jobs) if layout or wanted or jobs else None  # type: ignore[arg-type]
    if folder is None and (options or remove):
        raise UsageError("name the folder: librarian view DIR")
    with contextlib.ExitStack() as stack:
        stack.enter_context(held(project, no_wait=False))
        mend(project, say)
        catalog = stack.enter_context(contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)))
        vault = stack.enter_context(contextlib.closing(Vault(project.vault, owned=True)))
        folders = vault.views() if folder is None else [folder.absolute()]
        for each in folders:
            changed = views.remove(vault, each) if remove else views.refresh(project, catalog, vault, each, options)
            name = "a view" if folder is None else as_typed(str(folder), "the view")
            say(f"{name}: {plural(changed.links, 'link')} ({changed.made:,} made, {changed.removed:,} removed)")
            if changed.dropped:
                say(f"{name}: {plural(changed.dropped, 'result')} dropped, and without a link; {AGAIN}")
            if changed.foreign:
                taken = plural(len(changed.foreign), "name")
                say(f"{name}: {taken} taken by files that are none of its own; they were left alone")
    if not folders:
        say("there is no view yet; next: librarian view DIR")
    return 0

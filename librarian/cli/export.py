"""`librarian export`: copies of current results, for others."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

import click

from librarian.cli.place import held, open_project
from librarian.cli.progress import ProgressLine
from librarian.cli.words import AGAIN, as_typed, plural, say, size
from librarian.errors import UsageError


@click.command("export")
@click.argument("what", nargs=-1, required=True, metavar="STEP… DIR")
@click.option("--names", is_flag=True, help="Under the recordings' own names and folders; else ids and labels.")
@click.option("--private", is_flag=True, help="Results too that may name someone; the record says that you did.")
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only results of this job; may be given again.")
@click.pass_context
def command(context: click.Context, what: tuple[str, ...], names: bool, private: bool, jobs: tuple[str, ...]) -> int:
    """STEP is a step or one output of it (voice.report); its current results are copied into DIR, each verified, with
    SHA256SUMS (check them with: sha256sum -c SHA256SUMS) and, in proof/, the lines of the record that say how they were
    made. Typed again it goes on where it was cut off. What no export wrote is never overwritten.
    """
    from librarian.acts.act import mend
    from librarian.acts.decided import export
    from librarian.manifest.act_lines import ExportLine
    from librarian.manifest.catalog import Catalog
    from librarian.privacy.vault import Vault
    from librarian.view.export import Export, parcel
    from librarian.view.names import Namer, public_places
    from librarian.view.results import results
    from librarian.view.views import check_place, check_steps, dropped_of

    *steps, folder = what
    if not steps:
        raise UsageError("name a step and the folder, as in: librarian export voice.report DIR")
    project, target = open_project(context), Path(folder).absolute()
    with contextlib.ExitStack() as stack:
        stack.enter_context(held(project, no_wait=False))
        mend(project, say)
        catalog = stack.enter_context(contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)))
        vault = stack.enter_context(contextlib.closing(Vault(project.vault, owned=False)))
        check_place(project, vault, target)
        check_steps(catalog, steps)
        found = results(catalog, jobs, steps)
        if gone := dropped_of(catalog, steps, jobs):
            words = f"{plural(gone, 'result')} dropped, and cannot be copied; {AGAIN}"
            if not found:
                raise UsageError(words)
            say(words)
        namer = Namer(catalog, vault, project.root, vault.places())
        sent = parcel(found, namer.places if names else public_places(vault), private=private, flat=not names)
        exporting = Export(project, target, sent.files)
        exporting.check()
        taken = sorted({made.id for made in sent.files.values()})
        line = ExportLine(steps=list(dict.fromkeys(steps)), names=names, private=private, artifacts=taken)
        job = export(project, line, say)  # before anything leaves
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        of = plural(len(sent.files), "file")
        with ProgressLine() as progress:
            exporting.copy(lambda number: progress.show(f"{number:,} of {of}"))
        exporting.prove(catalog)
    copied = sum(made.bytes for made in sent.files.values())
    say(f"{plural(len(sent.files), 'file')}, {size(copied)}: {exporting.copied:,} copied now, each verified")
    if sent.staying:
        say(f"{plural(sent.staying, 'result')} may name someone and stayed; to take them out too: --private")
    say(f"record: manifests/{job}.jsonl; next: cd {shlex.quote(as_typed(folder, 'DIR'))} && sha256sum -c SHA256SUMS")
    return 0

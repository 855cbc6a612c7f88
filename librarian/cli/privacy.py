"""`librarian privacy`: keep names and numbers out of texts. What is done is in `scrubbing`, `auditing` and others."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("privacy")
def group() -> None:
    """What a run keeps out of its records is kept out of any text here."""


@group.command("audit")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--names", type=click.Path(path_type=Path), help="File with names to look for too, one a line.")
@click.option("--allow", type=click.Path(path_type=Path), help="File with words that name no one, one a line.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def audit(context: click.Context, /, folder: Path | None, names: Path | None, allow: Path | None, as_json: bool) -> int:
    """Look whether anything that a project wrote names someone.

    Searched are the names of files, embedded metadata, manifests, catalog, logs, caches and the contents of clean
    results, for every value that the vault knows in every spelling, and by every recognizer. What is found is counted
    by place and type; its text is not shown. The vault, the keys and the contents of private results are left out.

    With a FOLDER that is no project (an export, say) all of its files are searched: names, embedded metadata, and what
    is text.

    Ends with 4 if anything is found.
    """
    from librarian.cli.auditing import Lists, audit_folder

    return audit_folder(context, folder, Lists(names, allow), as_json)


@group.command("scrub")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--level",
    type=click.Choice(["strict", "balanced"]),
    default="strict",
    show_default=True,
    help="strict: all that looks like personal data, names of people too; balanced: what is checked or named so.",
)
@click.option("--names", type=click.Path(path_type=Path), help="File with names to look for, one a line.")
@click.option("--allow", type=click.Path(path_type=Path), help="File with words that name no one, one a line.")
@click.option("--counts", is_flag=True, help="Say on stderr how many were replaced, by type.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@click.pass_context
def scrub(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    level: str,
    names: Path | None,
    allow: Path | None,
    counts: bool,
    as_json: bool,
) -> int:
    """Put pseudonyms in place of what names someone: FILES, or what comes in, go to stdout line by line.

    In a project the pseudonyms are those of its records, and the names of its recordings are known. Elsewhere they mean
    nothing beyond this one text. Files are only read.

    Ends with 1 where a line held so much that its rest was withheld.
    """
    from librarian.cli.scrubbing import Wanted, scrub_files

    return scrub_files(context, files, Wanted(level, names, allow, counts or as_json, as_json))


command = group

"""`librarian privacy`. What is done is in `scrubbing`, `finding`, `auditing`, `revealing`, `forgetting` and `seals`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("privacy")
def group() -> None:
    """Names are in the vault, `.librarian/vault.db`, and nowhere else in a project."""


@group.command("audit", short_help="Look whether anything written names someone.")
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


@group.command("scrub", short_help="Put pseudonyms in place of what names someone.")
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
@click.option("--ner", metavar="MODEL", help="Look for names with a model of models.lock too, in a worker.")
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
    ner: str | None,
    counts: bool,
    as_json: bool,
) -> int:
    """Put pseudonyms in place of what names someone: FILES, or what comes in, go to stdout line by line.

    In a project the pseudonyms are those of its records, and the names of its recordings are known. Elsewhere they mean
    nothing beyond this one text. Files are only read.

    A token-classification model of transformers (`librarian models add FOLDER --name NAME`) finds names by the words
    around them. Where it cannot read all of a text, nothing more comes out, and the command fails.

    Ends with 1 where a line held so much that its rest was withheld.
    """
    from librarian.cli.scrubbing import Wanted, scrub_files

    return scrub_files(context, files, Wanted(level, names, allow, counts or as_json, as_json, ner))


@group.command("reveal", short_help="Show what ids and pseudonyms stand for.")
@click.argument("what", nargs=-1, required=True, metavar="(ID|PSEUDONYM)...")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.pass_context
def reveal(context: click.Context, /, what: tuple[str, ...], no_wait: bool) -> int:
    """Show what ids and pseudonyms stand for: names, paths, labels and texts that the vault holds.

    On a terminal only. It is recorded: what was asked for, by its id, and how many values were shown; never a value.
    A pseudonym is found where the vault holds what it stands for; what was only ever said in a message is not kept.

    Ends with 1 where nothing is known of one of them.
    """
    from librarian.cli.revealing import reveal_all

    return reveal_all(context, what, no_wait)


@group.command("forget", short_help="Remove recordings and all that was made from them.")
@click.argument("what", nargs=-1, required=True, metavar="(RECORDING|LABEL|NAME)...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and do nothing.")
@click.option("--allow-again", is_flag=True, help="Let what was forgotten be taken again; nothing comes back by it.")
@click.option("--names", is_flag=True, help="Show where the original files lie too; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print what goes as JSON; with --yes or --dry-run.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.pass_context
def forget(context: click.Context, /, what: tuple[str, ...], no_wait: bool, **typed: bool) -> int:
    """Remove recordings from the project with everything derived from them: results (also those that other recordings
    went into), what manifests say of them, names, labels, texts and secrets in the vault, logs and status.

    What goes is said first. Manifests keep an empty line where something stood, so that `verify` still checks every
    chain, and a job of its own says what was emptied. The original files are not touched. A run that meets a forgotten
    recording again refuses it and does the rest.
    """
    from librarian.cli.forgetting import Wanted, forget_all

    return forget_all(context, what, Wanted(**typed), no_wait)


@group.command("seal", short_help="Seal the vault with a passphrase.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.pass_context
def seal(context: click.Context, /, no_wait: bool) -> int:
    """Seal the vault with a passphrase (SQLCipher): without it, its file tells nothing but its size.

    Every command that needs names asks for the passphrase then, once; a script gives it by LIBRARIAN_PASSPHRASE or
    `librarian --passphrase-fd N`, and never as an argument. A wrong one ends with 4. A passphrase that is lost is lost,
    and the names with it; records, results and ids stay.
    """
    from librarian.cli.seals import seal

    return seal(context, no_wait)


@group.command("unseal", short_help="Make a sealed vault a plain one.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.pass_context
def unseal(context: click.Context, /, no_wait: bool) -> int:
    """Make a sealed vault a plain one again, to be read by whoever can read the file."""
    from librarian.cli.seals import unseal

    return unseal(context, no_wait)


@group.group("key")
def key() -> None:
    """The key that pseudonyms are made with."""


@key.command("rotate", short_help="Renew the pseudonyms, never the ids.")
@click.option("--no-wait", is_flag=True, help="Give up (exit 6) where another run holds the project.")
@click.pass_context
def rotate(context: click.Context, /, no_wait: bool) -> int:
    """Renew the pseudonyms, never the ids: from now on every value gets another one. It is recorded.

    Manifests are not rewritten: pseudonyms in them stay as they are, fit no new one, and cannot be revealed any more,
    for the key that made them is gone. Nothing is made again. Back up the new key.
    """
    from librarian.cli.revealing import rotate_key

    return rotate_key(context, no_wait)


command = group

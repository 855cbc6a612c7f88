"""Texts on their own, scrubbed: what `librarian privacy scrub` does."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import click

from librarian.cli.finding import finder_of
from librarian.cli.place import existing_project
from librarian.cli.words import plural, say
from librarian.errors import UsageError
from librarian.manifest.catalog import Catalog
from librarian.privacy import RECOGNIZERS
from librarian.privacy.folding import narrowed
from librarian.privacy.known import names_in, secrets, surroundings
from librarian.privacy.names import names_at
from librarian.privacy.recognizers import Level
from librarian.privacy.scrub import Scrubber
from librarian.privacy.spans import WITHHELD
from librarian.privacy.vault import Vault
from librarian.project import Project

LONGEST_LINE = 64 << 20
_STDIN = Path("-")


@dataclass(frozen=True)
class Wanted:
    """What was typed beside the files.

    Attributes:
        level: `strict` or `balanced`.
        names, allow: the owner's lists.
        counts: whether what was replaced is counted on stderr, as JSON if `as_json`.
        ner: the model that looks for names too.
    """

    level: str
    names: Path | None
    allow: Path | None
    counts: bool
    as_json: bool
    ner: str | None = None


def scrub_files(context: click.Context, files: Sequence[Path], wanted: Wanted) -> int:
    """Scrub files, or stdin, to stdout.

    Raises:
        UsageError: a file cannot be read, or has a line that is too long.
    """
    scrubber = _scrubber(existing_project(context), wanted)
    out = sys.stdout.buffer
    with finder_of(context, wanted.ner) as find:
        for number, file in enumerate(files or (_STDIN,), 1):
            for text, end, names in find(map(_parted, _lines(file, number))):
                out.write(scrubber.scrub(text, limit=None, keep_tabs=True, names=names).encode() + end)
            out.flush()
    if wanted.counts:
        _say_counts(scrubber, wanted)
    if withheld := scrubber.counts[WITHHELD]:
        say(
            f"{plural(withheld, 'line')} held so much that the rest was withheld; break long lines and scrub them again"
        )
    return int(bool(withheld))


def _scrubber(project: Project | None, wanted: Wanted) -> Scrubber:
    level = cast(Level, wanted.level)
    allowed = listed(wanted.allow, "--allow")
    named = listed(wanted.names, "--names")
    if project is None:
        say("no project here: these pseudonyms mean nothing beyond this text")
        scrubber = Scrubber(os.urandom(32), exempt=allowed, level=level, names=names_at(level))
    else:
        with contextlib.closing(Vault(project.vault, owned=False)) as vault:
            exempt = [*vault.public_labels(), *_chosen(project), *allowed]
            scrubber = Scrubber(project.pseudonym_key, exempt=exempt, level=level, names=names_at(level))
            scrubber.learn([*map(os.fspath, vault.paths()), os.fspath(project.root)])
    scrubber.learn([*surroundings(), *named])
    scrubber.learn_secrets(secrets())
    return scrubber


def _chosen(project: Project) -> set[str]:
    """Names of jobs and steps: they stand in records, and in the texts that the records go with."""
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        return catalog.chosen_words()


def listed(file: Path | None, option: str) -> list[str]:
    """The lines of one of the owner's lists.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return names_in(file) if file else []
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def _lines(file: Path, number: int) -> Iterator[bytes]:
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if file == _STDIN else open(file, "rb") as stream:
            yield from _whole_lines(stream, number)
    except OSError as error:
        raise UsageError(f"file {number} cannot be read: {error.strerror or 'unknown error'}") from None


def _whole_lines(stream: BinaryIO, number: int) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise UsageError(f"file {number} has a line of more than {LONGEST_LINE >> 20} MiB; break it")
        yield line


def _parted(line: bytes) -> tuple[str, bytes]:
    """A line's text, and what ends it."""
    text = line.rstrip(b"\r\n")
    return narrowed(text.decode("utf-8", "surrogateescape")), line[len(text) :]


def _say_counts(scrubber: Scrubber, wanted: Wanted) -> None:
    counts = dict(sorted(scrubber.counts.items()))
    if wanted.as_json:
        click.echo(json.dumps({"counts": counts, "level": wanted.level, "recognizers": RECOGNIZERS}), err=True)
        return
    for kind, number in counts.items():
        say(f"{kind} {number}")
    if not counts:
        say("nothing was replaced")

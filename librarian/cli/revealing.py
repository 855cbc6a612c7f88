"""What ids and pseudonyms stand for, and another key for these: `privacy reveal`, `privacy key rotate`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence

import click

from librarian.acts import reveal, rotate
from librarian.cli.asked import Asked, asked, kind_of
from librarian.cli.named import names_of
from librarian.cli.place import held, open_project
from librarian.cli.words import plural, say
from librarian.errors import UsageError
from librarian.privacy.known import surroundings
from librarian.privacy.names import names_at
from librarian.privacy.scrub import Scrubber

_PSEUDONYM = re.compile(r"<?([A-Z]{2,16}:[a-z2-7]{8})>?")
Rows = list[tuple[str, str, str]]
"""What was asked, what kind of thing it is, the value."""


def reveal_all(context: click.Context, what: Sequence[str], no_wait: bool) -> int:
    """Show what ids and pseudonyms stand for, on a terminal; that is recorded first.

    Raises:
        UsageError: it is no terminal, or there is no such id.
    """
    if not sys.stdout.isatty():
        raise UsageError("names are shown on a terminal only, never in a pipe or a file; type it there")
    pseudonyms = {typed: f"<{match[1]}>" for typed in what if (match := _PSEUDONYM.fullmatch(typed))}
    project = open_project(context)
    with held(project, no_wait):
        with asked(context) as place:
            ids = [place.resolve(each) for each in what if each not in pseudonyms]
            if unfit := [each for each in ids if kind_of(each) in ("job", "task")]:
                raise UsageError(f"{unfit[0]} names no one; what it is: librarian show {unfit[0]}")
            rows = [*_of_ids(place, ids), *_of_pseudonyms(place, list(pseudonyms.values()))]
        job = reveal.record(project, ids, list(pseudonyms.values()), len(rows), say)
    for asked_for, kind, value in rows:
        shown = "".join(char if char.isprintable() else "?" for char in value)
        click.echo(f"{asked_for}  {kind}  {shown}")
    missing = [each for each in (*ids, *pseudonyms.values()) if each not in {row[0] for row in rows}]
    for each in missing:
        say(f"{each}: the vault holds nothing of it{' (any more)' if each in pseudonyms.values() else ''}")
    say(f"{plural(len(rows), 'value')} shown; recorded in manifests/{job}.jsonl")
    return int(bool(missing))


def _of_ids(place: Asked, ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for each in ids:
        yield from dict.fromkeys((each, kind, value) for kind, value in names_of(place, each))


def _of_pseudonyms(place: Asked, pseudonyms: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    around = [*surroundings(), os.fspath(place.project.root)]
    scrubber = Scrubber(place.project.pseudonym_key, exempt=place.vault.public_labels(), names=names_at("strict"))
    scrubber.learn([*map(os.fspath, place.vault.paths()), *around])
    parts = [part for each in around for part in each.split("/")]
    for pseudonym, values in reveal.values_of(pseudonyms, place.vault, scrubber, parts).items():
        yield from ((pseudonym, "stands for", value) for value in sorted(values))


def rotate_key(context: click.Context, no_wait: bool) -> int:
    """Renew the pseudonym key."""
    project = open_project(context)
    with held(project, no_wait):
        job = rotate.rotate(project, say)
    click.echo(f"pseudonyms are made with another key from now on; recorded in manifests/{job}.jsonl")
    say("those in older records stay and can no longer be revealed; back up .librarian/keys again")
    say("next: librarian doctor")
    return 0

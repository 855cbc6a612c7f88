"""What was asked for, and how it is answered: ids, their beginnings, places, paths and names; every answer scrubbed."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from librarian.cli.place import open_project
from librarian.cli.recorded import columns
from librarian.cli.words import fitted, say
from librarian.errors import UsageError
from librarian.files import hash_file
from librarian.manifest.catalog import Catalog
from librarian.manifest.history import History
from librarian.manifest.lineage import Lineage
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.run.standing import placed

MOST_CANDIDATES = 5
MOST_COMPARED = 20_000
"""Names that a mistyped one is compared with: more would take seconds."""
ALIKE = 0.8
KINDS = {"rec": "recording", "src": "unreadable file", "grp": "group", "set": "whole job", "art": "artifact"}
"""What an id is of, by its prefix."""


def kind_of(found: str) -> str:
    """What an id or a task key is of."""
    prefix, parted, _ = found.partition("_")
    return KINDS.get(prefix, prefix) if parted else "task"


def may_show_names(names: bool, as_json: bool) -> bool:
    """Whether names are shown.

    Raises:
        UsageError: they were asked for where they may not be shown.
    """
    if names and (as_json or not sys.stdout.isatty()):
        raise UsageError("--names shows names on a terminal only, never in a pipe, a file or --json; leave it out here")
    return names


@dataclass(frozen=True)
class Asked:
    """A project that is being asked."""

    project: Project
    catalog: Catalog
    vault: Vault
    lineage: Lineage
    history: History
    scrubber: Scrubber

    def resolve(self, typed: str) -> str:
        """The one id or task key that was meant.

        Raises:
            UsageError: there is none, or more than one. It repeats nothing but ids.
        """
        found = self.lineage.find(self._linked(typed), MOST_CANDIDATES) or list(self._seen(typed))
        if len(found) == 1:
            return found[0]
        if found:
            more = " and more" if len(found) > MOST_CANDIDATES else ""
            raise UsageError(f"that is more than one: {', '.join(found[:MOST_CANDIDATES])}{more}; type one of them")
        if near := self.lineage.near(typed, 3):
            raise UsageError(f"nothing has that id; did you mean {' or '.join(near)}?")
        if near := self._named_nearly(typed):
            raise UsageError(f"no recording has that name; did you mean {' or '.join(near)}?")
        raise UsageError("nothing is known under that id, path or name; what was done: librarian jobs")

    def _linked(self, typed: str) -> str:
        """The file in the library that a link in a view leads to; else what was typed."""
        target = os.path.realpath(typed) if os.path.islink(typed) else ""
        return target if target and Path(target).is_relative_to(self.project.library.resolve()) else typed

    def called(self, unit: str) -> str:
        """What people call a recording or a group in public; its id, where it has no such name."""
        label, public = self.vault.label(unit)
        return label if public else unit

    def _seen(self, typed: str) -> Iterator[str]:
        """What has that label, or was seen under that path or name; else, what the file that lies there holds."""
        if labeled := self.vault.labeled(typed):
            groups = [each for each in labeled if each.startswith("grp_")]
            yield from groups or labeled  # a group's members may be called as it is
            return
        path = Path(os.path.abspath(typed))
        unreadable = self.project.id_key.unreadable(os.fsencode(path))
        if exact := self.vault.recording_at(path):
            yield exact
        elif self.catalog.ended(unit=unreadable):
            yield unreadable
        elif named := self.vault.called(os.path.normpath(typed)):
            yield from named
        else:
            with contextlib.suppress(OSError):
                recording = self.project.id_key.recording(hash_file(path)[1])
                if self.catalog.ended(unit=recording) or self.catalog.forgotten_in(recording):
                    yield recording

    def _named_nearly(self, typed: str) -> list[str]:
        """The recordings whose name differs from what was typed in its ending, in letter case or in a few letters."""
        wanted = os.path.basename(typed).casefold()
        paths = list(itertools.islice(self.vault.paths(), MOST_COMPARED)) if wanted else []
        names = {form: path.name for path in paths for form in (path.name.casefold(), path.stem.casefold())}
        close = difflib.get_close_matches(wanted, names, n=3, cutoff=ALIKE)
        return list(dict.fromkeys(found for each in close for found in self.vault.called(names[each])))[:3]

    def say(self, lines: Iterable[str]) -> None:
        """Lines, scrubbed, on stdout."""
        for line in lines:
            click.echo(fitted(self.scrubber.scrub(line), sys.stdout))

    def say_names(self, rows: Iterable[tuple[str, str]]) -> None:
        """Rows of what the vault holds, unscrubbed, to the owner's eyes: `may_show_names` was asked before."""
        for line in columns(rows):
            click.echo("".join(char if char.isprintable() else "?" for char in line))  # in one piece, to be copied

    def say_json(self, value: Any) -> None:
        """JSON, every text in it scrubbed, on stdout."""
        click.echo(json.dumps(self.scrubbed(value), indent=1))

    def scrubbed(self, value: Any) -> Any:
        """Plain data with every text in it scrubbed."""
        if isinstance(value, str):
            return str(self.scrubber.scrub(value))
        if isinstance(value, Mapping):
            return {self.scrubbed(name): self.scrubbed(each) for name, each in value.items()}
        return [self.scrubbed(each) for each in value] if isinstance(value, (list, tuple)) else value


@contextlib.contextmanager
def asked(context: click.Context) -> Iterator[Asked]:
    """The project of a command, open for questions."""
    project = open_project(context)
    catalog = Catalog(project.catalog, project.manifests, owned=False)
    vault = Vault(project.vault, owned=False)
    # Known names were taken out when the record was written.
    scrubber = Scrubber(project.pseudonym_key, exempt=vault.public_labels())
    lineage = Lineage(catalog, placed(project.library))
    try:
        yield Asked(project, catalog, vault, lineage, History(catalog, project.manifests), scrubber)
    finally:
        catalog.close()
        vault.close()


@contextlib.contextmanager
def asked_mended(context: click.Context, project: Project) -> Iterator[Asked]:
    """The same, with what the last job left mended first. The caller holds the project's lock."""
    from librarian.acts.act import mend

    mend(project, say)
    with asked(context) as opened:
        yield opened

"""`librarian models add`: a model from a folder or an archive."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from librarian.cli.models.place import Entry, check_name, copying, known_models, scrubbed
from librarian.cli.words import say
from librarian.errors import UsageError
from librarian.models.known import LICENCE_PATTERN, LOADER_PATTERN, NAME_PATTERN, KnownModel
from librarian.models.packing import contents, unpack
from librarian.models.sources import Found, in_archive, in_folder
from librarian.models.taking import Asked, take


def _of_form(pattern: str) -> Callable[[click.Context, click.Parameter, str | None], str]:
    def check(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
        if value and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"it must match {pattern}", context, parameter)
        return value or ""

    return check


@click.command("add")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", callback=_of_form(NAME_PATTERN), help="What jobs call it; of a known model it can be left out.")
@click.option("--licence", callback=_of_form(LICENCE_PATTERN), help="Its licence, such as MIT or CC-BY-NC-4.0.")
@click.option("--loader", callback=_of_form(LOADER_PATTERN), help="What kind of model it is, in the operation's word.")
@click.option("--also", multiple=True, metavar="FILE", help="Take this file though a known model is known without it.")
@click.option("--replace", is_flag=True, help="Let it take the place of other files of that name.")
@click.pass_context
def command(
    context: click.Context, path: Path, name: str, licence: str, loader: str, also: Sequence[str], replace: bool
) -> None:
    """PATH is a folder with the model's files and no others, or a tar archive: one that `pack` made, or of such files.

    The files are copied, never moved, and their digests taken. What is no plain file is refused. For a model that an
    installed extension knows, licence and loader come from there, and so do the digests that the files must have. The
    path itself is written nowhere.
    """
    adding = _Adding(
        Entry(context, replace=replace), known_models(), Asked(name, None, licence, loader, also=frozenset(also))
    )
    with scrubbed():
        if path.is_dir():
            adding.files(in_folder(path))
        else:
            with in_archive(path) as found:
                adding.archive(found)
    say("next: librarian models list")


class _Adding:
    """What is added, and what is known of it."""

    def __init__(self, entry: Entry, known: dict[str, KnownModel], asked: Asked) -> None:
        self._entry, self._known, self._asked = entry, known, asked

    def files(self, found: Sequence[Found]) -> None:
        """Make files a model."""
        asked = self._as_known(self._asked.name or self._guess(found))
        check_name(asked.name)
        with copying(sum(each.size for each in found), "copied") as told:
            model = take(self._entry.installed.store, found, asked, told, self._entry.check)
        self._entry.put(model)

    def _as_known(self, name: str) -> Asked:
        known = self._known.get(name)
        if known and known.loader and self._asked.loader not in ("", known.loader):
            raise UsageError(f"--loader: {name} is known as {known.loader}; give these files another --name")
        return Asked(name, known, self._asked.licence, self._asked.loader, also=self._asked.also)

    def _guess(self, found: Sequence[Found]) -> str:
        """The known model whose files these are."""
        there = {each.name for each in found}
        names = [each.name for each in self._known.values() if {file.name for file in each.files} <= there]
        if len(names) != 1:
            which = f"it may be {' or '.join(sorted(names))}" if names else "no extension knows these files"
            raise UsageError(f"{which}; say what it is: --name NAME")
        return names[0]

    def archive(self, found: Sequence[Found]) -> None:
        """Take what an archive holds."""
        lock = contents(found)
        if lock is None:
            return self.files(found)
        if self._asked.licence or self._asked.loader:
            raise UsageError("the archive says itself what it holds; leave out --licence and --loader")
        wanted = [each for each in lock.models if self._asked.name in ("", each.name)]
        if not wanted:
            raise UsageError(
                f"it holds {', '.join(each.name for each in lock.models) or 'nothing'}, and no {self._asked.name}"
            )
        store = self._entry.installed.store
        for each in wanted:
            check_name(each.name)
        with copying(sum(each.bytes for each in wanted), "copied") as told:
            for model in unpack(store, found, wanted, self._asked, self._known, told, self._entry.check):
                self._entry.put(model)
        return None

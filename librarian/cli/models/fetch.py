"""`librarian models fetch`: models from where extensions say that they are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from librarian.cli.common import check
from librarian.cli.models.place import Entry, copying, known_models, scrubbed
from librarian.cli.place import installed_models
from librarian.cli.words import say, size
from librarian.cli.working import workers_for
from librarian.errors import MissingError, UsageError
from librarian.job import MissingModelError, read
from librarian.models.fetching import Fetching, known_as
from librarian.models.known import KnownModel
from librarian.models.lock import LockedModel
from librarian.models.taking import Asked, take
from librarian.quantity import Size

MOST = "16 GiB"


def _size(context: click.Context, parameter: click.Parameter, value: str) -> int:
    try:
        return int(TypeAdapter(Size).validate_python(value))
    except ValidationError:
        raise click.BadParameter("it is a size, such as 4 GiB", context, parameter) from None


@click.command("fetch")
@click.argument("names", nargs=-1)
@click.option("--for", "job", metavar="JOB", type=click.Path(path_type=Path), help="Those that this job file lacks.")
@click.option(
    "--most",
    default=MOST,
    callback=_size,
    metavar="SIZE",
    show_default=True,
    help="Of a file whose size nobody declared.",
)
@click.option("--replace", is_flag=True, help="Let it take the place of other files of that name.")
@click.pass_context
def command(context: click.Context, names: Sequence[str], job: Path | None, most: int, replace: bool) -> None:
    """NAMES are models that an installed extension knows: librarian models list --known. What this machine has already
    is not fetched again.

    The place is the one that the extension declares, over https; HF_ENDPOINT names another hub, HF_TOKEN is shown to it
    where it asks for an account. Nothing else is sent, and what does not have the digest that is known is not kept.
    """
    if bool(names) == bool(job):
        raise UsageError("name the models to fetch, or the job file that needs them: --for job.yaml")
    wanted = names or _lacking(context, job)
    if not wanted:
        say("the job file lacks no model")
        return
    entry, known = Entry(context, replace=replace), known_models()
    with scrubbed(), contextlib.closing(Fetching(most)) as fetching:
        for name in wanted:
            entry.put(_kept(entry, name, known.get(name)) or _fetched(entry, name, known.get(name), fetching))
    say("next: librarian run job.yaml")


def _lacking(context: click.Context, job: Path | None) -> Sequence[str]:
    """The models that a job file would use and cannot."""
    try:
        with workers_for(1, lambda line: None) as workers:
            check(read(job or Path()), workers, installed_models(context))
    except MissingModelError as error:
        return error.models
    return ()


def _kept(entry: Entry, name: str, known: KnownModel | None) -> LockedModel | None:
    """What this machine has of that name, where it is what is known and what the project uses."""
    before = entry.before(name)
    for model in entry.installed.store.kept(name):
        fits = before.digest == model.digest if before else _is(model, known)
        if fits and not any(entry.installed.store.faults(model)):
            return model
    return None


def _is(model: LockedModel, known: KnownModel | None) -> bool:
    """Whether a model's files are those that are known."""
    files = {file.name: file for file in model.files}
    return known is None or all(
        file.name in files and files[file.name].sha256.startswith(file.sha256) for file in known.files
    )


def _fetched(entry: Entry, name: str, known: KnownModel | None, fetching: Fetching) -> LockedModel:
    before = entry.before(name)
    known = known_as(before) if before and before.source else known
    if known is None:
        raise MissingError(
            f"no installed extension knows {name}; what they know: librarian models list --known; with its files in a "
            f"folder type: librarian models add FOLDER --name {name}"
        )
    found = fetching.found(known)
    if unknown := [file.name for file in known.files if not file.sha256]:
        say(f"{name}: the digests of {', '.join(unknown)} are not known; what comes is taken for it from now on")
    total = sum(each.size for each in found)
    say(
        f"{name}: fetching {size(total) if total else 'it'} from {known.source or 'where its files are declared to be'}"
    )
    asked = Asked(name, known, source=known.source, revision=known.revision if known.source.startswith("hub:") else "")
    with copying(total, "fetched") as told:
        return take(entry.installed.store, found, asked, told, entry.check)

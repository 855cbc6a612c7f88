"""What the commands about models share: the lock they change, what extensions know, what may be said."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from librarian import project as projects
from librarian.cli.common import names_someone
from librarian.cli.place import installed_models, project_option
from librarian.cli.progress import ProgressLine
from librarian.cli.words import say, size
from librarian.cli.working import workers_for
from librarian.errors import LibrarianError, RefusedError, UsageError
from librarian.models.installed import Installed
from librarian.models.known import KnownModel
from librarian.models.lock import Lock, LockedModel, change_lock
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.workers.declared import extensions
from librarian.workers.installed import state_of_all


def known_models() -> dict[str, KnownModel]:
    """The models that installed extensions know, by name; of two that share one the first that is found."""
    with workers_for(1, lambda line: None) as workers:
        found = extensions(workers, remembered=state_of_all())
    known: dict[str, KnownModel] = {}
    for model in (model for each in found for declared in each.declarations for model in declared.models):
        known.setdefault(model.name, model)
    return known


def lock_of(context: click.Context) -> Path | None:
    """The models.lock of the project, whether or not it is there; None where there is no project.

    Raises:
        UsageError: the project that was named is none.
        RefusedError: models would lie where no worker can read them.
    """
    root = projects.find(project_option(context))
    if root is None:
        return None
    state = root / projects.STATE
    if Installed().store.top.resolve().is_relative_to(state.resolve()):
        raise RefusedError(
            f"LIBRARIAN_MODELS lies in {projects.STATE}/, which no worker can read; choose another folder"
        )
    return state / projects.MODELS_LOCK


class Entry:
    """Puts models into the project's lock; where there is no project, they are kept for this machine only.

    Args:
        context: of the command.
        replace: whether a name may be given to other files.
    """

    def __init__(self, context: click.Context, *, replace: bool) -> None:
        self._lock, self._replace = lock_of(context), replace
        self.installed = installed_models(context)

    def before(self, name: str) -> LockedModel | None:
        """What has a name now, where that is not to be replaced."""
        return None if self._replace else self.installed.lock.by_name.get(name)

    def check(self, model: LockedModel) -> None:
        """Whether a model may be put in.

        Raises:
            RefusedError: its name is that of other files, or of these with another loader.
        """
        before = self.before(model.name)
        if self._lock and before and before.digest != model.digest:
            others = "other files" if before.files != model.files else f"the loader {before.loader or '(none)'}"
            raise RefusedError(
                f"{model.name} is in models.lock with {others}; give these files another --name, or let them take its "
                "place with --replace: what was made with it stays until librarian run --upgrade"
            )

    def put(self, model: LockedModel) -> None:
        """Put a model in."""
        if self._lock:
            change_lock(self._lock, lambda lock: lock.having(model))
        where = "in models.lock" if self._lock else "on this machine; no project here that would use it"
        say(f"{model.name}: {size(model.bytes)}, {model.licence or 'licence not known'}, {where}")


def chosen(lock: Lock, names: Sequence[str]) -> list[LockedModel]:
    """The models that were named; all, where none was.

    Raises:
        UsageError: one of them is not in the lock.
    """
    by_name = lock.by_name
    if unknown := [name for name in names if name not in by_name]:
        raise UsageError(f"no model is called {unknown[0]}; what is there: librarian models list")
    return [by_name[name] for name in names] if names else list(lock.models)


def check_name(name: str) -> None:
    """Whether a model may be called so: its name stands in records.

    Raises:
        RefusedError: it reads like somebody's name or number.
    """
    if names_someone(_scrubber(), name):
        raise RefusedError("the name reads like a name or a number of somebody; choose another --name")


@contextlib.contextmanager
def copying(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Shows how much was copied: is told of bytes as they pass."""
    done = 0

    def told(number: int) -> None:
        nonlocal done
        done += number
        line.show(f"{size(done)} of {size(total)} {what}" if total else f"{size(done)} {what}")

    with ProgressLine() as line:
        yield told


@contextlib.contextmanager
def scrubbed() -> Iterator[None]:
    """What goes wrong is said without names: files may be called as somebody is.

    Raises:
        LibrarianError: the one that was raised, scrubbed.
    """
    try:
        yield
    except LibrarianError as error:
        raise type(error)(_scrubber().scrub(str(error), limit=1000)) from None


def _scrubber() -> Scrubber:
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    return scrubber

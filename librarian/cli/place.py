"""The project that a command works on."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from librarian import project as projects
from librarian.cli.passphrase import know
from librarian.cli.words import say
from librarian.errors import LibrarianError, UsageError
from librarian.project import Project, writer_lock

if TYPE_CHECKING:
    from librarian.models.installed import Installed


def project_option(context: click.Context) -> Path | None:
    """The folder that `--project` names."""
    named = context.obj["project"]
    return Path(named) if named else None


def root_as_typed() -> Path | None:
    """The folder of the project that was meant, for what is said when a command has failed; None where there is none.

    The command line is read again: it may have failed before there was a context.
    """
    typed = dict(zip(sys.argv, sys.argv[1:], strict=False)).get("--project")
    try:
        return projects.find(Path(typed) if typed else None)
    except LibrarianError:
        return None


def find_root(context: click.Context) -> Path:
    """The folder of the project the command works on.

    Raises:
        UsageError: there is none.
    """
    root = projects.find(project_option(context))
    if root is None:
        raise UsageError("no project here or above; make one with: librarian init")
    return root


def open_project(context: click.Context) -> Project:
    """The project the command works on.

    Raises:
        UsageError: there is none.
    """
    return know(context, projects.load(find_root(context)))


def existing_project(context: click.Context) -> Project | None:
    """The project that `open_or_make_project` would open; None where it would make one."""
    root = project_option(context) or projects.find()
    made = root is not None and (root / projects.STATE / "project.toml").exists()
    return know(context, projects.load(root.resolve())) if root and made else None


def installed_models(context: click.Context) -> Installed:
    """The models of the project that a command works on; where there is none yet, those that this machine has."""
    from librarian.models.installed import Installed  # brings pydantic, which a run with nothing to do has no use for

    try:
        root = project_option(context) or projects.find()
    except LibrarianError:  # said after what is wrong with the job file
        root = None
    state = root.resolve() / projects.STATE if root else None
    if state is None or not (state / "project.toml").exists():
        return Installed.of_machine()
    return Installed.of(state / projects.MODELS_LOCK)


def open_or_make_project(context: click.Context, models: str = "") -> Project:
    """The project the command works on; made in the named or the current folder where there is none."""
    named = project_option(context)
    if named is not None and not named.is_dir():
        raise UsageError("--project: there is no such folder; make it with: librarian init FOLDER")
    root = named if named is not None else projects.find() or Path.cwd()
    if not (root / projects.STATE / "project.toml").exists():
        say(f"making a project here; back up {projects.STATE}/keys and {projects.STATE}/vault.db")
    return know(context, projects.open_or_make(root.resolve(), models))


def held(project: Project, no_wait: bool) -> contextlib.AbstractContextManager[None]:
    """The project's lock; a person is told whom is waited for."""
    return writer_lock(project, wait=not no_wait, on_wait=lambda holder: say(f"waiting for {holder}"))

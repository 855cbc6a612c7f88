"""The end of a command that did not work: one line a problem, scrubbed, and the exit code."""

from __future__ import annotations

import errno
import os
import sqlite3
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from librarian.cli.place import root_as_typed
from librarian.cli.withheld import scrubbed
from librarian.cli.words import say
from librarian.errors import EnvironmentFailedError, LibrarianError
from librarian.files import room
from librarian.project import STATE

UNEXPECTED = EnvironmentFailedError.exit_code
_REMEDY = "mend it and type the same again: what was committed is kept"
_OUR_FOLDERS = (".librarian", "library", "manifests")
_OF_THE_DISK = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE),
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EBUSY, errno.ENODEV, errno.ENXIO, errno.ENOTCONN),
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOLCK, errno.EOPNOTSUPP),
    }
)
"""What a disk, or the limits of the system, may answer; any other is a mistake of ours."""


def report(error: Exception, *, debug: bool) -> int:
    """Say what went wrong, and give the exit code."""
    if debug:
        for line in scrubbed([each for block in traceback.format_exception(error) for each in block.splitlines()]):
            click.echo(line, err=True)
    for line in _lines(error):
        say("".join(char if char.isprintable() else "?" for char in line))
    return error.exit_code if isinstance(error, LibrarianError) else UNEXPECTED


def _lines(error: Exception) -> Sequence[str]:
    if isinstance(error, LibrarianError):
        # Problems of a job file begin with its name.
        return getattr(error, "problems", None) or [f"librarian: {line}" for line in str(error).split("\n")]
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return [f"librarian: {_disk(error)}"]
    if isinstance(error, sqlite3.Error) or type(error).__module__.startswith("sqlcipher3"):
        return [f"librarian: {_database(error)}"]
    return [f"librarian: internal error: {type(error).__name__}; {_what_to_do(error)}"]


def _what_to_do(error: Exception) -> str:
    """What helps against an error that nobody expected: a report that can be sent away, where one can be written."""
    from librarian.cli.error_report import write_report

    try:
        return f"paste {write_report(error)}, which names no one, into a bug report; --debug shows more here"
    except Exception:  # whatever it is: the error itself must be said
        return "--debug shows where it comes from"


def _database(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "an index is damaged; remove .librarian/catalog.db (never vault.db): it is made anew by the same command"
    root = root_as_typed()
    where = f"{STATE}/, {room(root / STATE)}" if root else f"{STATE}/"
    return f"a database cannot be used ({name}): {where}; is the disk full or read-only? {_REMEDY}"


def _disk(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    if not path:
        return f"{reason}; {_REMEDY}"
    return f"{reason}: {_place(path)}, {room(Path(path))}; {_REMEDY}"


def _place(path: str) -> str:
    """A path from the project's own folders on; names outside them are the owner's and are not shown."""
    parts = path.split(os.sep)
    ours = [index for index, part in enumerate(parts) if part in _OUR_FOLDERS]
    return scrubbed(["/".join(parts[ours[-1] :])])[0] if ours else "a file outside the project"

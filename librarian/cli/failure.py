"""The end of a command that did not work: one line a problem, scrubbed, and the exit code."""

from __future__ import annotations

import os
import traceback

import click

from librarian.errors import EnvironmentFailedError, JobError, LibrarianError, RefusedError
from librarian.privacy.scrub import Scrubber

UNEXPECTED = EnvironmentFailedError.exit_code


def report(error: Exception, *, debug: bool) -> int:
    """Say what went wrong, and give the exit code."""
    if isinstance(error, JobError):
        lines, code = list(error.problems), error.exit_code
    elif isinstance(error, LibrarianError):
        lines, code = [f"librarian: {line}" for line in str(error).split("\n")], error.exit_code
    elif isinstance(error, OSError):
        lines, code = [f"librarian: {_disk(error)}"], UNEXPECTED
    else:
        lines, code = (
            [f"librarian: internal error: {type(error).__name__}; --debug shows where it comes from"],
            UNEXPECTED,
        )
    if debug:
        lines[:0] = _scrubbed_traceback(error)
    for line in lines:
        click.echo(line, err=True)
    return code


def _disk(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    if not isinstance(error.filename, (str, bytes)):
        return f"{reason}; mend it and type the same again: what was committed is kept"
    place = os.path.basename(os.fsdecode(error.filename))
    try:
        status = os.statvfs(os.path.dirname(os.fsdecode(error.filename)) or ".")
        free = f", {status.f_bavail * status.f_frsize / 2**20:.0f} MiB free there"
    except OSError:
        free = ""
    return f"{reason}: {_scrub(place)}{free}; mend it and type the same again: what was committed is kept"


def _scrubbed_traceback(error: Exception) -> list[str]:
    return [_scrub(line.rstrip()) for block in traceback.format_exception(error) for line in block.splitlines()]


def _scrub(text: str) -> str:
    try:
        return Scrubber(os.urandom(32)).scrub(text)
    except RefusedError:
        return "(withheld)"

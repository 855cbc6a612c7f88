"""The passphrase of a sealed vault: from a file descriptor, the environment or a terminal, never from an argument."""

from __future__ import annotations

import os
import sys

import click

from librarian.errors import RefusedError, UsageError
from librarian.keys import PASSPHRASE_VARIABLE, hide_variable
from librarian.privacy import sealing
from librarian.project import Project

_MOST_BYTES = 4096


def know(context: click.Context, project: Project) -> Project:
    """Make known how the passphrase of a project's vault is found out, should it be sealed."""
    sealing.ask_with(project.vault, lambda: read_passphrase(context, "passphrase of the vault"))
    return project


def read_passphrase(context: click.Context, prompt: str, *, new: bool = False) -> str:
    """The passphrase.

    Args:
        context: of the command.
        prompt: what a person is asked for.
        new: whether he has to type it twice.

    Raises:
        RefusedError: there is none, and nobody to ask.
        UsageError: the descriptor cannot be read.
    """
    handle = context.find_root().params.get("passphrase_fd")
    if handle is not None:
        found = _read(handle)
    elif os.environ.get(PASSPHRASE_VARIABLE):
        found = os.environ[PASSPHRASE_VARIABLE]
        hide_variable(PASSPHRASE_VARIABLE)
        del os.environ[PASSPHRASE_VARIABLE]  # no child has any use for it
    elif sys.stdin.isatty() and sys.stderr.isatty():
        found = click.prompt(prompt, hide_input=True, err=True, confirmation_prompt=new)
    else:
        raise RefusedError(
            "a passphrase is needed for the vault; type it on a terminal, or give it by "
            f"{PASSPHRASE_VARIABLE} or librarian --passphrase-fd N"
        )
    if not found:
        raise RefusedError("the passphrase is empty")
    return sealing.plain(found)


def _read(handle: int) -> str:
    try:
        with open(handle, "rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError
        return text.decode().rstrip("\r\n")
    except (OSError, ValueError):
        raise UsageError(f"--passphrase-fd {handle}: no passphrase can be read there") from None

"""Asking the owner before anything goes."""

from __future__ import annotations

import sys

import click

from librarian.errors import UsageError


def agreed(yes: bool, question: str, what: str) -> bool:
    """Whether the owner agrees.

    Args:
        yes: he said so when he typed the command.
        question: what he is asked.
        what: what the command is to do, for whoever has to say so beforehand.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"nobody is there to be asked; {what}, add --yes")
    return click.confirm(question, err=True)

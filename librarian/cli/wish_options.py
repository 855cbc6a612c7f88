"""The options of `Wishes`, for the commands that take them. Light: what they mean is looked at when one is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

_TELLING = ("only", "changes")
"""Wishes that may hold a name, or any text."""


def _time_of_day(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    if value and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        raise click.BadParameter("write a time of day, such as 07:00")
    return value or ""


def _changes(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    if values:
        from librarian.job.changes import place_of
        from librarian.operation import WORD_PATTERN

        if not all(re.fullmatch(WORD_PATTERN, place_of(value)) for value in values):
            raise click.BadParameter("the place holds characters that no job file has there")
    return values


def fresh_ok(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option not to wait for files that have just changed."""
    words = "Take files too that changed within the last minute; without it they wait for the next run."
    return click.option("--fresh-ok", is_flag=True, envvar="LIBRARIAN_FRESH_OK", show_envvar=True, help=words)(command)


def wishes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `Wishes`."""
    options = (
        click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only N recordings, spread evenly."),
        click.option(
            *("--only", "only"),
            multiple=True,
            metavar="WHICH",
            help="Only recordings (with their groups) of that name, label, id or pattern; may be given again.",
        ),
        click.option("--to", metavar="STEP", help="Only this step and those that it needs."),
        click.option(
            *("--redo", "redo"),
            multiple=True,
            metavar="STEP|degraded|suspect|failed|dropped",
            help="Do a step and all that hangs on it again; or what was degraded, is suspect, failed and would not be "
            "tried again, or was dropped and is to stay; may be given again.",
        ),
        click.option(
            *("--set", "changes"),
            multiple=True,
            callback=_changes,
            metavar="PLACE=VALUE",
            help="Change the job file for this time, as in steps.voice.with.target=-20; may be given again.",
        ),
        click.option(
            "--until",
            callback=_time_of_day,
            metavar="HH:MM",
            help="Begin nothing after this time; finish what runs.",
        ),
        click.option(
            "--max-failures", type=click.IntRange(min=1), metavar="N", help="Begin nothing more once N tasks failed."
        ),
        private,
        click.option("--upgrade", is_flag=True, help="Follow new versions of operations, models and defaults."),
        click.option(
            *("--dev", "dev"),
            multiple=True,
            metavar="EXTENSION",
            help="Do anew what was made by other code of this extension, as its author; may be given again.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def retyped(job: Path, typed: Mapping[str, Any]) -> str:
    """What runs a job file with the same wishes; in the place of those that may name a recording stands an ellipsis.

    Args:
        job: the job file.
        typed: name of each wish → what was typed, if anything.
    """
    words = [f"librarian run {job}"]
    for name, value in typed.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value and name not in _TELLING:
            words += [f"{option} {each}" for each in (value if isinstance(value, (list, tuple)) else [value])]
    return " ".join([*words, *(["…"] if any(typed.get(name) for name in _TELLING) else [])])


def private(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that lets private material out."""
    say = "Let operations that talk to other machines have what is private; the record says so."
    return click.option("--private", is_flag=True, help=say)(command)

"""Sizes, times and counts for people, and the one way to talk to them."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import textwrap
from typing import TextIO

import click

AGAIN = "to have that again, write keep: yes for its step, then type: librarian run JOB --redo dropped"
"""What brings dropped results back."""
_SHORTEST = 0.0005
NARROWEST = 40
"""A terminal that is narrower breaks the lines itself."""
_COMMAND = re.compile(r"(?<=: )(?:chmod|librarian|mkdir|nvidia-smi|openssl|pip|python) [^;)]*")
_BRANCH = re.compile(r"[ │]*[├└]─ ")
_LABEL = re.compile(r" +\S.*?  +(?=\S)")
_MEASURE = re.compile(r"(?<=\d) (?=[^\W\d_]|%)")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:  # noqa: PLR2004
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def took(seconds: float) -> str:
    """Seconds of work for people, small ones too: `0.04 s`."""
    return duration(seconds) if seconds >= 1 else f"{seconds:.2g} s" if seconds > _SHORTEST else "0 s"


def times(factor: float) -> str:
    """A factor for people: `0.4×`, `31×`."""
    return f"{factor:,.0f}×" if factor >= 10 else f"{factor:.2g}×"  # noqa: PLR2004


def plural(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def say(text: str) -> None:
    """Talk: to stderr, so that stdout holds results only."""
    click.echo(fitted(text, sys.stderr), err=True)


def as_typed(typed: str, instead: str) -> str:
    """What was typed in this call, on a terminal; elsewhere, such as in a log, other words: it may name someone."""
    return typed if sys.stderr.isatty() else instead


def fitted(text: str, stream: TextIO, hang: int | None = None) -> str:
    """Lines for a stream: broken between words where a terminal is too narrow for them, and as they are elsewhere."""
    width = _columns(stream)
    if width < NARROWEST or len(text) <= width:
        return text
    return "\n".join(each for line in text.split("\n") for each in broken(line, width, hang))


def broken(line: str, width: int, hang: int | None = None) -> list[str]:
    """A line in lines of at most `width` characters, broken between words.

    A number stays with its unit, and a command to type in one piece, so that it can be copied. A word or a command
    that is longer than a line leaves the whole of it to the terminal.

    Args:
        line: the line.
        width: characters.
        hang: how far the lines below are indented; else, as the text of a tree's branch or of a row's second column.
    """
    kept = _COMMAND.sub(lambda command: command[0].replace(" ", _NO_BREAK), _MEASURE.sub(_NO_BREAK, line))
    below = _below(line, width) if hang is None else " " * hang
    if max(map(len, kept.split(" "))) + len(below) > width:
        return [line]
    lines = textwrap.wrap(kept, width, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)
    return [each.replace(_NO_BREAK, " ") for each in lines] or [line]


def _below(line: str, width: int) -> str:
    if branch := _BRANCH.match(line):
        return branch[0].replace("├─", "│ ").replace("└─", "  ") + "  "
    label = _LABEL.match(line)
    return " " * (2 if label is None else label.end() if label.end() <= width // 2 else 4)


def _columns(stream: TextIO) -> int:
    """Characters in a line of a terminal, else what COLUMNS says of it; 0 where it is none, or nothing is known."""
    if not stream.isatty():
        return 0
    with contextlib.suppress(OSError):
        if columns := os.get_terminal_size(stream.fileno()).columns:
            return columns
    stated = os.environ.get("COLUMNS", "")
    return int(stated) if stated.isdecimal() else 0

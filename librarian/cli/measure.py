"""`librarian measure`: loudness, peaks and quality of sound files. It needs no project."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from librarian.cli.measurements import HEAD, curves_of, row, rows, values_of
from librarian.cli.measuring import measure
from librarian.cli.place import existing_project
from librarian.cli.words import as_typed, plural, say
from librarian.cli.working import workers_for
from librarian.errors import LibrarianError, UsageError
from librarian.files import stat_key
from librarian.machine import default_size
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.workers.messages import Message, failed

INTERRUPTED = 130
ENDINGS = (
    "3gp aac ac3 aif aiff amr ape au avi caf flac flv m4a m4b mka mkv mov mp2 mp3 mp4 mpg oga ogg opus ts tta w64 wav"
    " webm wma wv"
)
"""Of the files in a folder, those that are measured."""
MOST_SAID = 300
NARROWEST_NAME, NUMBERS = 20, 80
"""Columns that a path gets at the least, and those that are kept for all else."""
WIDEST = 10_000
"""Columns of what is no terminal."""


@dataclass(frozen=True)
class Sound:
    """A file to be measured.

    Attributes:
        path: where it lies.
        number: its place, from 1.
        label: what may be said of it on the terminal where it was typed.
        unreadable: why it cannot be looked at.
    """

    path: Path
    number: int
    label: str
    unreadable: str = ""

    def called(self, stream: TextIO) -> str:
        """What it is called: in a pipe or a file by its number only."""
        if not stream.isatty():
            return f"file {self.number}"
        return "".join(char if char.isprintable() else "?" for char in self.label)


@click.command("measure")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Print every value.")
@click.option(
    "--plot",
    metavar="FILE.svg|png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw loudness over time, its histogram and the spectrum; of several files a numbered picture each.",
)
@click.option("--names", is_flag=True, help="Show the names of files in a folder too; on a terminal only.")
@click.option("--workers", type=click.IntRange(0, 256), help="Worker processes; 0 measures in this process.")
@click.option("--json", "as_json", is_flag=True, help="Print every value as JSON.")
@click.pass_context
def command(
    context: click.Context,
    files: Sequence[Path],
    everything: bool,
    plot: Path | None,
    names: bool,
    workers: int | None,
    as_json: bool,
) -> int:
    """FILES are sound files, or folders of them; no project is needed. Of the quality only what is notable is shown,
    with --all every value. Files in a pipe, a file and --json are known by their number only.
    """
    if names:
        from librarian.cli.asked import may_show_names

        may_show_names(names, as_json)
    if plot:
        from librarian.cli.picture import check_picture

        check_picture(plot)
    sounds = list(_sounds(files, names))
    answers = {
        place: failed("unreadable", message=each.unreadable) for place, each in enumerate(sounds) if each.unreadable
    }
    size = min(default_size() if workers is None else workers, len(sounds))
    with contextlib.suppress(KeyboardInterrupt), workers_for(size, lambda line: None) as pool:
        measure([each.path for each in sounds], pool, answers, curves=plot is not None)
    found = {sounds[place]: _checked(answers[place], plot is not None) for place in sorted(answers)}
    _print(context, found, everything=everything, as_json=as_json)
    failures = _say_failures(found)
    if plot:
        _draw(found, plot, several=len(sounds) > 1)
    if len(found) < len(sounds):
        say(f"interrupted: {len(found)} of {plural(len(sounds), 'file')} measured")
        return INTERRUPTED
    say("next: librarian try normalize FILE; every value: --all, a picture: --plot FILE.svg")
    return int(failures)


def _sounds(files: Sequence[Path], names: bool) -> Iterator[Sound]:
    """Every file that was typed, or that lies in a folder that was.

    Raises:
        UsageError: one is not there, or there is nothing in it to measure.
    """
    number = 0
    for place, typed in enumerate(files, 1):
        named = as_typed(os.fspath(typed), f"file {place}")
        if not typed.is_dir():
            if not typed.exists():
                raise UsageError(f"{named}: no such file")
            number += 1
            yield Sound(typed, number, os.fspath(typed))
            continue
        inside = _inside(typed)
        if not inside:
            raise UsageError(f"{named}: no sound files in this folder")
        for count, (path, unreadable) in enumerate(inside.items(), 1):
            number += 1
            label = os.path.join(typed, os.path.relpath(path, typed)) if names else f"{typed} ({count})"
            yield Sound(Path(path), number, label, unreadable)


def _inside(folder: Path) -> Mapping[str, str]:
    """Sound files below a folder, and why one cannot be looked at."""
    from librarian.patterns import in_order, taken_by

    found = taken_by(f"**/*.{{{','.join(ENDINGS.split())}}}", folder.absolute())
    return {path: found[path] for path in in_order(found)}


def _checked(answer: Message, with_curves: bool) -> dict[str, Any]:
    """An answer whose parts are what they should be: with `values` and `curves`, or with `cause`."""
    if answer["type"] == "failed":
        return {"cause": answer["cause"]}
    values, curves = values_of(answer), curves_of(answer)
    if values is None or (with_curves and curves is None):
        return {"cause": failed("bad_output", message="its worker gave no measurements")["cause"]}
    return {"values": values, "curves": curves}


Found = Mapping[Sound, Mapping[str, Any]]


def _print(context: click.Context, found: Found, *, everything: bool, as_json: bool) -> None:
    measured = {each: parts["values"] for each, parts in found.items() if "values" in parts}
    if as_json:
        click.echo(json.dumps(list(_as_json(context, found)), indent=1))
    elif everything:
        for each, values in measured.items():
            click.echo(each.called(sys.stdout))
            _print_table([(f"  {label}", text) for label, text in rows(values)], numbers=False)
    elif measured:
        most = max(NARROWEST_NAME, _width() - NUMBERS)
        _print_table([HEAD, *(row(_end(each.called(sys.stdout), most), values) for each, values in measured.items())])


def _width() -> int:
    """Columns that there are to print in: on a terminal its own, elsewhere as many as it takes."""
    from rich.console import Console

    from librarian.cli.words import NARROWEST

    return max(NARROWEST, Console().width) if sys.stdout.isatty() else WIDEST


def _end(name: str, most: int) -> str:
    """The end of a long path, which tells it from others sooner than its beginning."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _print_table(lines: Sequence[Sequence[str]], numbers: bool = True) -> None:
    """Rows on stdout, the first and the last column to the left; on a terminal the last one is broken to fit."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for place in range(len(lines[0])):
        at_edge = place in (0, len(lines[0]) - 1) or not numbers
        longest = max(len(line[place]) for line in lines) if place < len(lines[0]) - 1 else None
        table.add_column(justify="left" if at_edge else "right", no_wrap=longest is not None, min_width=longest)
    for line in lines:
        table.add_row(*line)
    console = Console(width=_width(), markup=False, highlight=False, color_system=None)
    with console.capture() as text:
        console.print(table)
    for drawn in text.get().splitlines():
        click.echo(drawn.rstrip())


def _say_failures(found: Found) -> bool:
    """One line for each file that could not be measured, on stderr."""
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn([*surroundings(), *(os.fspath(each.path) for each in found)])
    broken = {each: parts["cause"] for each, parts in found.items() if "cause" in parts}
    for each, cause in broken.items():
        reason, message = _reason(cause, scrubber)
        say(": ".join(filter(None, (each.called(sys.stderr), reason.replace("_", " "), message))))
    return bool(broken)


def _reason(cause: Mapping[str, Any], scrubber: Scrubber) -> tuple[str, str]:
    """Why a file could not be measured; what an unexpected error says of itself is left out."""
    reason = scrubber.scrub(str(cause.get("reason", "error")), limit=40)
    said = str(cause.get("exception" if reason == "error" else "message", ""))
    return reason, scrubber.scrub(said, limit=MOST_SAID)


def _as_json(context: click.Context, found: Found) -> Iterator[dict[str, Any]]:
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn([*surroundings(), *(os.fspath(each.path) for each in found)])
    recordings = _recordings(context, list(found))
    for each, parts in found.items():
        told: dict[str, Any] = {"file": each.number, "recording": recordings.get(each), "failed": None}
        if "cause" in parts:
            reason, message = _reason(parts["cause"], scrubber)
            told["failed"] = {"reason": reason, "message": message}
        yield {**told, **parts.get("values", {})}


def _recordings(context: click.Context, sounds: Sequence[Sound]) -> Mapping[Sound, str]:
    """The ids of those that a project around here knows as they are now; nothing is hashed."""
    from librarian.privacy.vault import Vault

    found = {}
    with contextlib.suppress(LibrarianError, OSError, sqlite3.Error):
        if project := existing_project(context):
            with contextlib.closing(Vault(project.vault, owned=False)) as vault:
                for each in sounds:
                    path = Path(os.path.normpath(each.path.absolute()))
                    seen = vault.seen(path, stat_key(path.stat()))
                    if seen and not seen.racy:
                        found[each] = seen.recording
    return found


def _draw(found: Found, plot: Path, *, several: bool) -> None:
    from librarian.cli.picture import draw

    for each, parts in found.items():
        if "values" in parts:
            path = plot.with_stem(f"{plot.stem}-{each.number}") if several else plot
            draw(parts["values"], parts["curves"], path)

"""Files that are measured by workers, several at a time, and how far that is."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from librarian.cli.words import plural, say
from librarian.workers import requests
from librarian.workers.messages import Message
from librarian.workers.requests import Request

if TYPE_CHECKING:
    from librarian.workers.pool import Workers

LOOK_SECONDS = 0.25
LATE_SECONDS = 1.0
"""What takes less shows no progress."""
LINE_SECONDS = 10.0
ERASE = "\x1b[2K"


def measure(paths: Sequence[Path], workers: Workers, answers: dict[int, Message], *, curves: bool) -> None:
    """Have files measured, and put the answers in by their place as they come.

    Args:
        paths: the files.
        workers: who measures them.
        answers: place among the files → answer; those that are there already are not asked for.
        curves: whether to ask for what a picture is drawn from.
    """
    waiting = [place for place in range(len(paths)) if place not in answers]
    places: dict[Request, int] = {}
    with Progress(len(paths)) as progress:
        while waiting or workers.unanswered:
            while waiting and workers.unanswered < max(1, workers.useful):
                place = waiting.pop(0)
                message = requests.measure(paths[place], curves=curves)
                request = Request(message, on_interim=progress.of(place))
                places[request] = place
                workers.submit(request)
            for request, answer in workers.wait(LOOK_SECONDS):
                place = places.pop(request)
                answers[place] = answer
                progress.end(place)
            progress.show(len(answers))


class Progress:
    """Shows how far it is, once it takes long: a line that goes away on a terminal, one every ten seconds elsewhere.

    Args:
        files: how many there are.
    """

    def __init__(self, files: int) -> None:
        self._files = files
        self._fractions: dict[int, float] = {}
        self._next = time.monotonic() + (LATE_SECONDS if sys.stderr.isatty() else LINE_SECONDS)
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write(f"\r{ERASE}")

    def of(self, place: int) -> Callable[[Message], None]:
        """Takes what is said of a file before it is answered."""

        def take(message: Message) -> None:
            fraction = message.get("fraction")
            if isinstance(fraction, float):
                self._fractions[place] = min(1.0, max(0.0, fraction))

        return take

    def end(self, place: int) -> None:
        """A file is answered."""
        self._fractions.pop(place, None)

    def show(self, measured: int) -> None:
        """Show it, if it is time; so many files are measured."""
        if time.monotonic() < self._next:
            return
        said = f"{measured:,} of {plural(self._files, 'file')} measured"
        if self._fractions:
            said += f", under way: {', '.join(f'{each:.0%}' for each in self._fractions.values())}"
        if sys.stderr.isatty():
            self._on_terminal(said)
        else:
            self._next = time.monotonic() + LINE_SECONDS
            say(f"  {said}")

    def _on_terminal(self, said: str) -> None:
        """Write the line over the last one."""
        self._shown = True
        sys.stderr.write(f"\r{ERASE}{said[: shutil.get_terminal_size().columns - 1]}")
        sys.stderr.flush()

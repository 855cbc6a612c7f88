"""Files that are measured by workers, several at a time, and how far that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from librarian.cli.progress import ProgressLine
from librarian.cli.words import plural
from librarian.workers import requests
from librarian.workers.messages import Message
from librarian.workers.requests import Request

if TYPE_CHECKING:
    from librarian.workers.asking import Workers

LOOK_SECONDS = 0.25


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
            progress.so_far(len(answers))


class Progress(ProgressLine):
    """Shows how many files are measured.

    Args:
        files: how many there are.
    """

    def __init__(self, files: int) -> None:
        super().__init__()
        self._files = files
        self._fractions: dict[int, float] = {}

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

    def so_far(self, measured: int) -> None:
        """So many files are measured."""
        said = f"{measured:,} of {plural(self._files, 'file')} measured"
        if self._fractions:
            said += f", under way: {', '.join(f'{each:.0%}' for each in self._fractions.values())}"
        self.show(said)

"""A line that says how far something is, once it takes long."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import Self

from librarian.cli.words import say

LATE_SECONDS = 1.0
"""What takes less shows no progress."""
AGAIN_SECONDS = 0.2
LINE_SECONDS = 10.0
ERASE = "\x1b[2K"


class ProgressLine:
    """A line that goes away on a terminal; elsewhere one every ten seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + (LATE_SECONDS if sys.stderr.isatty() else LINE_SECONDS)
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write(f"\r{ERASE}")

    def show(self, said: str) -> None:
        """Show how far it is, if it is time."""
        if time.monotonic() < self._next:
            return
        if sys.stderr.isatty():
            self._next = time.monotonic() + AGAIN_SECONDS
            self._on_terminal(said)
        else:
            self._next = time.monotonic() + LINE_SECONDS
            say(f"  {said}")

    def _on_terminal(self, said: str) -> None:
        """Write the line over the last one."""
        self._shown = True
        sys.stderr.write(f"\r{ERASE}{said[: shutil.get_terminal_size().columns - 1]}")
        sys.stderr.flush()

"""What workers print: into the log line by line, and no more of it than anybody reads."""

from __future__ import annotations

from collections.abc import Callable

MAX_LINE = 8192
MOST_PRINTED = 4 << 20
"""Bytes of a run that go into its log."""
LEAST_LINE = 64
"""A line counts for at least so many: short ones cost the scrubber as much."""
LEFT_OFF = "what workers printed beyond this was left off"

Log = Callable[[str], None]


class Printed:
    """The lines of all workers of a run."""

    def __init__(self, log: Log, most: int = MOST_PRINTED) -> None:
        self._log, self._left = log, most

    def take(self, begun: bytes, data: bytes) -> bytes:
        """Log the lines that `data` ends.

        Args:
            begun: the line that its worker has begun.
            data: what came next; nothing where the worker prints no more.

        Returns:
            The line that it has begun now.
        """
        if self._left <= 0:
            return b""
        *lines, rest = (begun + data).split(b"\n")
        if len(rest) > MAX_LINE or not data:
            lines, rest = [*lines, rest], b""
        for line in filter(None, lines):
            self._say(line[:MAX_LINE])
        return rest

    def _say(self, line: bytes) -> None:
        if self._left <= 0:
            return
        self._left -= max(LEAST_LINE, len(line))
        self._log(line.decode(errors="replace"))
        if self._left <= 0:
            self._log(LEFT_OFF)

"""Child side: whether a worker can go on, or what tasks left in it must end with it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager

from librarian.workers.memory import budget, held, most_held
from librarian.workers.patched import Own
from librarian.workers.surroundings import Surroundings

MOST_THREADS = 16
MOST_FILES = 64
"""Threads and open files that tasks may leave behind: some models keep a few."""
IMPORTS = 2.0**30
"""What modules may take beside what an operation declares (bytes)."""
_OPEN_FILES = "/dev/fd"


class Health:
    """What a worker was like when it began, to be compared with.

    Args:
        own_process: whether the process is a worker's, which can be replaced.
    """

    def __init__(self, *, own_process: bool = False) -> None:
        self._own = Own() if own_process else None
        self._threads, self._files = threading.active_count(), _open_files()
        self._budget, self._spoiled = budget()[0], False
        self._before: Surroundings | None = None

    def restored(self) -> AbstractContextManager[None]:
        """What is done within leaves the process as it found it. Files are the user's alone there."""
        return _Restored(self)

    def look(self) -> None:
        """Take the process as it is for what it is to be put back to; each task leaves the same, so once will do."""
        if self._before is None or (not self._before.knows_torch and "torch" in sys.modules):
            self._before = Surroundings()

    def restore(self) -> None:
        """Put everything back; what cannot be is remembered."""
        self._spoiled |= self._before is not None and not self._before.restore()

    def begin_anew(self) -> None:
        """Take the process as it is now for what tasks are to leave behind."""
        self._before = None

    def is_too_big(self, needs: float) -> bool:
        """Whether it holds more main memory than its part; where an operation needs more than that, than it needs."""
        most = self._budget if needs <= self._budget else needs + IMPORTS
        return most_held() > most and held()[0] > most

    def must_end(self) -> bool:
        """Whether what tasks left behind is more than the next ones should find, memory aside."""
        threads, files = threading.active_count() - self._threads, _open_files() - self._files
        changed = self._own is not None and self._own.is_changed()
        return self._spoiled or changed or threads > MOST_THREADS or files > MOST_FILES


class _Restored:
    # No generator: every task of a small archive goes through here.

    def __init__(self, health: Health) -> None:
        self._health, self._mask = health, 0

    def __enter__(self) -> None:
        self._mask = os.umask(0o077)
        try:
            self._health.look()
        except BaseException:
            os.umask(self._mask)
            raise

    def __exit__(self, *error: object) -> None:
        self._health.restore()
        os.umask(self._mask)


def _open_files() -> int:
    try:
        return len(os.listdir(_OPEN_FILES))
    except OSError:
        return 0

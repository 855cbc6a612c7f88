"""The machine's memory, and what its kernel ends where there is too little of it."""

from __future__ import annotations

import signal
from pathlib import Path

_VMSTAT = Path("/proc/vmstat")


class KillsForMemory:
    """Tells processes that the kernel ended for memory from others that got the same signal.

    The kernel counts them (`oom_kill`, since Linux 4.13); where it does not none is recognised.
    """

    def __init__(self) -> None:
        self._seen = self._count()

    def took(self, code: int) -> bool:
        """Whether a process that has just ended with this exit code is one of them."""
        if code != -signal.SIGKILL:
            return False
        killed = self._count() > self._seen
        self._seen += killed
        return killed

    def _count(self) -> int:
        try:
            lines = _VMSTAT.read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

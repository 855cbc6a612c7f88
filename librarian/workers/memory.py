"""Memory: how much there is, how much this process holds, and whom the kernel ended for want of it."""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

SHARE = 0.8
"""Of the machine's memory, for all workers together: the rest is for the parent and for the cache of files."""
GPU_SHARE = 0.9
BUDGET_VARIABLE = "LIBRARIAN_WORKER_MEMORY"
"""Tells a worker its part (bytes)."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_VMSTAT = Path("/proc/vmstat")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_STATM = "/proc/self/statm"


def machine_memory() -> float:
    """Memory of the machine, or of the container around this process where it has less (bytes)."""
    whole = float(_PAGE * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(whole, float(_GROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no such limit, or `max`
        return whole


def budget() -> tuple[float, float]:
    """What this worker may hold: main memory and memory of its GPU (bytes; without end where there is none)."""
    try:
        main = float(os.environ[BUDGET_VARIABLE])
    except (KeyError, ValueError):
        main = machine_memory() * SHARE
    torch = sys.modules.get("torch")
    gpu = torch.cuda.mem_get_info()[1] * GPU_SHARE if torch and _has_gpu() else float("inf")
    return main, gpu


def held() -> tuple[float, float]:
    """What this process holds: main memory and memory of its GPU (bytes; 0 where that cannot be known)."""
    torch = sys.modules.get("torch")
    try:
        with open(_STATM, "rb") as file:
            main = float(int(file.read().split()[1]) * _PAGE)
    except OSError:
        main = 0.0
    return main, float(torch.cuda.memory_allocated()) if torch and _has_gpu() else 0.0


def most_held() -> float:
    """The most main memory that this process ever held (bytes), which takes less time to learn than what it holds."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)


def _has_gpu() -> bool:
    # Asking torch where there is none costs seconds on some machines; workers of the CPU are shown none.
    return os.environ.get("CUDA_VISIBLE_DEVICES", "") != ""


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

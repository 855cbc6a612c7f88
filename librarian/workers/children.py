"""Child processes of this one, and the end of them.

Only what a subreaper sees is all of them: a process that started a session of its own and whose parent ended falls to
the nearest subreaper above it (`prctl(2)`), so killing what is there, again and again, leaves none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from librarian.workers.syscalls import prctl

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends (Linux)."""
    if sys.platform == "linux":
        prctl(_PR_SET_CHILD_SUBREAPER, 1)


def signal_at_end_of(parent: int, number: int) -> None:
    """Have the kernel send `number` to this process when its parent ends (Linux).

    Raises:
        ProcessLookupError: `parent` had ended before.
    """
    if sys.platform == "linux":
        prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        raise ProcessLookupError("the parent has ended")


def end_children(keep: frozenset[int] = frozenset()) -> None:
    """Kill the children of this process and what falls to it as they end, until none is left.

    Args:
        keep: ids of children that stay.
    """
    while found := children() - keep:
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


@contextlib.contextmanager
def ended_after() -> Iterator[None]:
    """End the children that were started meanwhile."""
    before = children()
    try:
        yield
    finally:
        end_children(before)


def children() -> frozenset[int]:
    """Ids of the children of this process, ended ones that nobody waited for included."""
    if not _has_children() or sys.platform != "linux":
        return frozenset()
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return frozenset(number for number in numbers if _parent_of(number) == os.getpid())


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _parent_of(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:  # it ended while they were listed
        return 0
    return int(status.rpartition(b")")[2].split()[1])

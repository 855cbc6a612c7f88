"""What one task may take at the most: memory and file size, held by the kernel (`setrlimit(2)`).

RLIMIT_DATA counts private writable memory. RLIMIT_AS would count address space too, of which CUDA and numba reserve
far more than they use.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

from librarian.files import keep_memory_in
from librarian.operation import Resources

LEAST_MEMORY = 4 << 30
"""Bytes that every task may take, imports included; also what looking into a recording may."""
LARGEST_FILE = 64 << 30
"""Bytes that one file may have."""
OPEN_FILES = 4096
_MARGIN = 2
"""A task may take so many times what its operation declares before it is stopped."""
_MOST_MEMORY = round(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def settle() -> None:
    """What holds for a worker's whole life: no image of its memory, as many open files as libraries expect."""
    keep_memory_in()
    _set_soft(resource.RLIMIT_NOFILE, OPEN_FILES)


def memory_of(resources: Resources, device: str) -> int | None:
    """Bytes of main memory that a task may take; None on a GPU, whose driver maps more than it uses."""
    return max(LEAST_MEMORY, round(_MARGIN * resources.memory)) if device == "cpu" else None


@contextlib.contextmanager
def around(*, memory: int | None = LEAST_MEMORY, file: int | None = LARGEST_FILE) -> Iterator[None]:
    """Hold what runs inside to its limits: beyond them it gets a MemoryError, or an OSError (EFBIG).

    Args:
        memory: bytes of private writable memory, what the process has already included; None for no limit. Never
            more than nine tenths of the machine's.
        file: bytes of each file that is written; None for no limit.
    """
    with contextlib.ExitStack() as stack:
        for kind, limit in (
            (resource.RLIMIT_DATA, None if memory is None else min(memory, _MOST_MEMORY)),
            (resource.RLIMIT_FSIZE, file),
        ):
            if limit is not None:
                stack.callback(resource.setrlimit, kind, _set_soft(kind, limit))
        yield


def _set_soft(kind: int, limit: int) -> tuple[int, int]:
    """Set the soft limit, which can be raised again, as far as the hard one goes; what both were."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    return soft, hard

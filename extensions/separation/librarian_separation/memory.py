"""Memory that a network frees stays with the process on the CPU: giving it back and asking again costs a fifth."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of `mallopt(3)`, glibc."""


def keep_freed_memory() -> bool:
    """From now on glibc takes large arrays from its heap, and keeps what is freed; whether it does.

    Otherwise each array over 32 MiB is a mapping of its own, whose every page the kernel has to clear and to map.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        if sys.platform == "linux" and hasattr(libc, "gnu_get_libc_version"):
            return bool(libc.mallopt(_M_MMAP_MAX, 0) and libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
    return False

"""System calls that Python has no function for (Linux)."""

from __future__ import annotations

import ctypes
import os
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_NO_NEW_PRIVS = 38


def call(number: int, *arguments: Any) -> int:
    """A system call by its number.

    Args:
        number: of the call, on this machine.
        arguments: whole numbers, bytes, or what ctypes passes by reference.

    Raises:
        OSError: it failed.
    """
    words = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process: `prctl(2)`.

    Raises:
        OSError: it failed.
    """
    zero = ctypes.c_ulong(0)
    _checked(_LIBC.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def give_up_privileges() -> None:
    """No program that is started gains rights: what the kernel asks for before it takes a filter from anyone."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

"""A filter over system calls, for this process and all that it starts: `seccomp(2)`.

Without network only local sockets can be made. Signals do not reach those who watch over the process, io_uring does
not exist (it would open sockets past the filter), and programs for another instruction set are killed: their system
calls have other numbers.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
import sys
from collections.abc import Collection
from dataclasses import dataclass

from librarian.workers.syscalls import call, give_up_privileges

_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_SPEC_ALLOW = 4
"""Without it, kernels before 5.16 slow the whole process down against Spectre."""
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_IO_URING_SETUP = 425
_WORD = 0xFFFFFFFF
_LARGEST_32 = 1 << 32

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, operand."""


@dataclass(frozen=True)
class _Machine:
    """AUDIT_ARCH_* and the numbers of system calls."""

    architecture: int
    seccomp: int
    socket: int
    kill: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, seccomp=317, socket=41, kill=62),
    "aarch64": _Machine(0xC00000B7, seccomp=277, socket=198, kill=129),
}


def offered() -> bool:
    """Whether this kernel takes such a filter."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or sys.maxsize < _LARGEST_32:
        return False
    try:
        call(machine.seccomp, _GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(_REFUSE)))
    except OSError:
        return False
    return True


def install(*, network: bool, shielded: Collection[int]) -> None:
    """Set the filter, for good.

    Args:
        network: whether sockets of the internet may be made.
        shielded: what `kill(2)` may not be given: process ids, negative ones for process groups.

    Raises:
        OSError: the kernel did not take it.
    """
    instructions = program(_MACHINES[platform.machine()], network=network, shielded=shielded)
    code = b"".join(struct.pack("=HBBI", *each) for each in instructions)
    memory = ctypes.create_string_buffer(code)
    head = ctypes.create_string_buffer(struct.pack("@HP", len(instructions), ctypes.addressof(memory)))
    give_up_privileges()
    call(_MACHINES[platform.machine()].seccomp, _SET_MODE_FILTER, _SPEC_ALLOW, head)


def program(machine: _Machine, *, network: bool, shielded: Collection[int]) -> list[Instruction]:
    """The filter in the instructions of classic BPF."""
    refused = _return(_REFUSE | errno.EACCES)
    local = [*_if_equal(socket.AF_UNIX, [_return(_ALLOW)]), refused]
    spared = [each for number in shielded for each in _if_equal(number & _WORD, [_return(_REFUSE | errno.EPERM)])]
    return [
        _load(_ARCHITECTURE),
        (_IF_EQUAL, 1, 0, machine.architecture),
        _return(_KILL),
        _load(_NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32),
        _return(_REFUSE | errno.ENOSYS),
        *_if_equal(_IO_URING_SETUP, [_return(_REFUSE | errno.ENOSYS)]),
        *([] if network else _if_equal(machine.socket, [_load(_FIRST_ARGUMENT), *local])),
        *_if_equal(machine.kill, [_load(_FIRST_ARGUMENT), *spared, _return(_ALLOW)]),
        _return(_ALLOW),
    ]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _if_equal(value: int, then: list[Instruction]) -> list[Instruction]:
    return [(_IF_EQUAL, 0, len(then), value), *then]

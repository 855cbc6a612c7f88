"""File-changing system calls of other processes, before they are made: seccomp_unotify(2) with ctypes alone.

`launch` starts a command under a filter that it and all its children keep. Each call that may change a file waits then
until `reply` says what becomes of it. Stores into mapped memory are no calls.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
_MACHINE = (0xC000003E, 0xC00000B7)
_SECCOMP, _PIDFD_GETFD = (317, 277), 438
_SET_MODE_FILTER, _NEW_LISTENER, _NO_NEW_PRIVS = 1, 8, 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE, _ANSWER, _INSTRUCTION = struct.Struct("=QIIiI7Q"), struct.Struct("=QqiI"), struct.Struct("=HBBI")
_CONTINUE = 1
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_HERE = -100
"""AT_FDCWD."""
_LONGEST_PATH = 4096


class Form(NamedTuple):
    """A system call: its number on x86_64 and aarch64 (−1: none), and which arguments say what it changes."""

    x86_64: int
    aarch64: int
    handle: int | None
    path: int | None = None
    flags: int | None = None


FORMS = {
    "open": Form(2, -1, None, 0, flags=1),
    "openat": Form(257, 56, 0, 1, flags=2),
    "creat": Form(85, -1, None, 0),
    "write": Form(1, 64, 0),
    "pwrite64": Form(18, 68, 0),
    "writev": Form(20, 66, 0),
    "pwritev": Form(296, 70, 0),
    "pwritev2": Form(328, 287, 0),
    "sendfile": Form(40, 71, 0),
    "copy_file_range": Form(326, 285, 2),
    "truncate": Form(76, 45, None, 0),
    "ftruncate": Form(77, 46, 0),
    "fallocate": Form(285, 47, 0),
    "fsync": Form(74, 82, 0),
    "fdatasync": Form(75, 83, 0),
    "sync_file_range": Form(277, 84, 0),
    "syncfs": Form(306, 267, 0),
    "mkdir": Form(83, -1, None, 0),
    "mkdirat": Form(258, 34, 0, 1),
    "rmdir": Form(84, -1, None, 0),
    "unlink": Form(87, -1, None, 0),
    "unlinkat": Form(263, 35, 0, 1),
    "rename": Form(82, -1, None, 1),
    "renameat": Form(264, 38, 2, 3),
    "renameat2": Form(316, 276, 2, 3),
    "link": Form(86, -1, None, 1),
    "linkat": Form(265, 37, 2, 3),
    "symlink": Form(88, -1, None, 1),
    "symlinkat": Form(266, 36, 1, 2),
    "chmod": Form(90, -1, None, 0),
    "fchmod": Form(91, 52, 0),
    "fchmodat": Form(268, 53, 0, 1),
    "fchmodat2": Form(452, 452, 0, 1),
    "fchown": Form(93, 55, 0),
    "utimensat": Form(280, 88, 0, 1),
}
"""Every call that changes what is on the disk; of those that open, only such as may write are waited for."""


@dataclass(frozen=True)
class Notice:
    """A call that waits."""

    id: int
    thread: int
    name: str
    arguments: tuple[int, ...]

    def path(self) -> str:
        """What it changes; of a rename, the new path.

        Raises:
            OSError: its process has gone.
        """
        return self._path(FORMS[self.name].handle, FORMS[self.name].path)

    def source(self) -> str:
        """Of a rename, the old path; empty for other calls.

        Raises:
            OSError: its process has gone.
        """
        if not self.name.startswith("rename"):
            return ""
        return self._path(None, 0) if self.name == "rename" else self._path(0, 1)

    def _path(self, handle: int | None, path: int | None) -> str:
        base = "cwd" if handle is None else self._base(self.arguments[handle])
        above = os.readlink(f"/proc/{self.thread}/{base}")
        if path is None or not (address := self.arguments[path]):
            return above
        return os.path.normpath(os.path.join(above, self._text(address)))

    @staticmethod
    def _base(handle: int) -> str:
        number = ctypes.c_int32(handle).value
        return "cwd" if number == _HERE else f"fd/{number}"

    def _text(self, address: int) -> str:
        with open(f"/proc/{self.thread}/mem", "rb", buffering=0) as memory:
            return os.fsdecode(os.pread(memory.fileno(), _LONGEST_PATH, address).partition(b"\0")[0])

    def process(self) -> int:
        """The id of its process.

        Raises:
            OSError: it has gone.
        """
        with open(f"/proc/{self.thread}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Tgid:"))

    def write_part(self, number: int) -> int:
        """Do the beginning of a `write` or `pwrite64` in its stead: `number` bytes of it.

        Raises:
            OSError: its process has gone.
        """
        handle, address, _, offset, *_ = self.arguments
        with open(f"/proc/{self.thread}/mem", "rb", buffering=0) as memory:
            part = os.pread(memory.fileno(), number, address)
        theirs = _handle_of(self.process(), handle)
        try:
            return os.write(theirs, part) if self.name == "write" else os.pwrite(theirs, part, offset)
        finally:
            os.close(theirs)


def _handle_of(process: int, handle: int) -> int:
    about = os.pidfd_open(process)
    try:
        return _checked(_libc().syscall(_PIDFD_GETFD, about, ctypes.c_int(handle), 0))
    finally:
        os.close(about)


def launch(command: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command; its process, and the handle to `receive` from.

    Raises:
        OSError: the kernel, or the container that this is, refuses.
    """
    if sys.platform != "linux" or _COLUMN is None:
        raise OSError("only Linux on x86_64 or aarch64 hands out system calls")
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            launcher = [sys.executable, "-I", "-S", __file__, str(theirs.fileno()), *command]
            process = subprocess.Popen(launcher, pass_fds=[theirs.fileno()], **options)
        said, handles, _, _ = socket.recv_fds(ours, 200, 1)
    if not handles:
        process.wait()
        raise OSError(said.decode() or "the launcher died")
    return process, handles[0]


def receive(listener: int) -> Notice | None:
    """The next call that waits; None where its process was killed meanwhile."""
    notice = bytearray(_NOTICE.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, notice)
    except (FileNotFoundError, InterruptedError):
        return None
    number, thread, _, call, _, _, *arguments = _NOTICE.unpack(notice)
    return Notice(number, thread, _names()[call], tuple(arguments))


def reply(listener: int, notice: Notice, *, gives: int = 0, error: int = 0) -> None:
    """Let a call come to pass; or let it give a number, or an error, with nothing done."""
    flags = 0 if gives or error else _CONTINUE
    try:
        fcntl.ioctl(listener, _SEND, _ANSWER.pack(notice.id, gives, -error, flags))
    except FileNotFoundError:  # it was killed meanwhile
        pass


def _names() -> dict[int, str]:
    return {form[_COLUMN or 0]: name for name, form in FORMS.items() if form[_COLUMN or 0] >= 0}


def _program() -> bytes:
    """The filter: one comparison a call; of those that open, their flags too."""
    opening = [(number, FORMS[name].flags) for number, name in _names().items() if FORMS[name].flags is not None]
    plain = [number for number, name in _names().items() if FORMS[name].flags is None]
    length = 3 + 3 * len(opening) + len(plain) + 2
    allow, notify = length - 2, length - 1
    steps: list[tuple[int, int, int, int]] = []

    def jump(test: int, value: int, then: int, otherwise: int) -> None:
        here = len(steps) + 1
        steps.append((test, then - here, otherwise - here, value))

    steps.append((_LOAD, 0, 0, _MACHINE_AT))
    jump(_EQUAL, _MACHINE[_COLUMN or 0], 2, allow)
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    for number, flags in opening:
        here = len(steps)
        jump(_EQUAL, number, here + 1, here + 3)
        steps.append((_LOAD, 0, 0, _ARGUMENTS_AT + 8 * (flags or 0)))
        jump(_ANY_BIT, _CHANGES, notify, allow)
    for number in plain:
        jump(_EQUAL, number, notify, len(steps) + 1)
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]
    return b"".join(_INSTRUCTION.pack(*step) for step in steps)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _listen() -> int:
    """Put this process under the filter; the handle that its calls are received from."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]

    steps, libc = _program(), _libc()
    program = Program(len(steps) // _INSTRUCTION.size, steps)
    _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    number = _SECCOMP[_COLUMN or 0]
    return _checked(libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)))


def _main() -> None:
    end = socket.socket(fileno=int(sys.argv[1]))
    try:
        listener = _listen()
    except OSError as error:
        end.send(str(error).encode())
        raise SystemExit(1) from None
    socket.send_fds(end, [b"listen"], [listener])
    end.close()
    os.close(listener)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    _main()

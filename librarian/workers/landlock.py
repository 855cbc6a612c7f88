"""Folders that this process and all that it starts may write to, and one whose files they cannot read: `landlock(7)`.

Landlock knows only what is allowed. To hide one folder, reading is allowed beside every step of the way to it, as it
is at that moment: what is made there later cannot be read. Lists of names stay open, and so do chmod and utime, which
Landlock does not know.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from librarian.workers.syscalls import call, give_up_privileges

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every machine
_ASK_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_WRITE_FILE, _READ_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 2, 1 << 13, 1 << 14
_CHANGE_NAMES = 0x1FF0
"""Removing folders and files; making devices, folders, files, sockets, pipes, block devices and links."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES = 3
"""Abstract sockets and signals stay among those who are behind the fence."""
_WITH_REFER, _WITH_TRUNCATE, _WITH_NETWORK, _WITH_SCOPES = 2, 3, 4, 6


def version() -> int:
    """The kernel's version of the interface; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return max(0, call(_CREATE_RULESET, 0, 0, _ASK_VERSION))
    except OSError:
        return 0


def restrict(
    *, writable: Sequence[str], devices: Sequence[str], hidden: str = "", ports: Collection[int] | None = ()
) -> None:
    """Set the rules, for good. They hold for this thread and what it starts: call it before there are others.

    Args:
        writable: folders, with all that is below them.
        devices: files, or folders of them, that may be written to as they are.
        hidden: a folder whose files cannot be read; empty for none.
        ports: TCP ports that may be connected to (Linux 6.7); None for any.

    Raises:
        OSError: the kernel did not take them.
    """
    known = version()
    optional = (_REFER if known >= _WITH_REFER else 0) | (_TRUNCATE if known >= _WITH_TRUNCATE else 0)
    beside = _beside(hidden) if hidden else None
    handled = _CHANGE_NAMES | _WRITE_FILE | optional | (_READ_FILE if beside is not None else 0)
    network = _BIND_TCP | _CONNECT_TCP if known >= _WITH_NETWORK and ports is not None else 0
    rules = _ruleset(handled, network, _SCOPES if known >= _WITH_SCOPES else 0)
    try:
        for path in writable:
            _allow(rules, path, handled)
        for path in devices:
            _allow(rules, path, handled & (_WRITE_FILE | _READ_FILE | _TRUNCATE))
        for path in beside or ():
            _allow(rules, path, _READ_FILE)
        for port in (ports or ()) if network else ():
            call(_ADD_RULE, rules, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port), 0)
        give_up_privileges()
        call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _ruleset(handled: int, network: int, scopes: int) -> int:
    # Kernels that know less than three words take the rest where it is zero.
    attributes = struct.pack("=QQQ", handled, network, scopes)
    return call(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow(rules: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(handle).st_mode):
                rights &= _WRITE_FILE | _READ_FILE | _TRUNCATE
            call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
        finally:
            os.close(handle)


def _beside(hidden: str) -> list[str] | None:
    """What lies beside the way to a folder; None where a folder on the way cannot be listed, which hides nothing."""
    folder = Path(os.path.realpath(hidden))
    try:
        return [path for parent in folder.parents for path in _others(parent, folder)]
    except OSError:
        return None


def _others(parent: Path, folder: Path) -> Iterator[str]:
    way = folder.parts[len(parent.parts)]
    with os.scandir(parent) as entries:
        # A link is followed to a place that has rules of its own.
        yield from (entry.path for entry in entries if entry.name != way and not entry.is_symlink())

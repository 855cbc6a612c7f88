"""The fence for Python code, where the kernel offers none: an audit hook (`sys.addaudithook`), which is never removed.

It sees what Python does, and neither native code nor programs that are started.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import socket
import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_ASKED = ("socket.getaddrinfo", "socket.gethostbyname")
_SENT = ("socket.connect", "socket.sendto", "socket.sendmsg")

Place = tuple[Any, int]
"""A path and the handle of the folder that it starts from; −1: the current one."""
_CHANGED: dict[str, Callable[..., list[Place]]] = {
    "os.remove": lambda path, folder: [(path, folder)],
    "os.rmdir": lambda path, folder: [(path, folder)],
    "os.mkdir": lambda path, mode, folder: [(path, folder)],
    "os.symlink": lambda target, path, folder: [(path, folder)],
    "os.link": lambda source, path, before, folder: [(path, folder)],
    "os.rename": lambda source, path, before, folder: [(source, before), (path, folder)],
}
"""Event → the names that it changes."""


def keep_folders(writable: Iterable[str], hidden: str = "") -> None:
    """Refuse to change anything but what is below `writable`, and to read files below `hidden`, for good."""
    allowed = tuple(map(os.path.realpath, writable))
    secret = (os.path.realpath(hidden),) if hidden else ()

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if (arguments[2] & _WRITES and not _is_in(path, allowed)) or _is_in(path, secret):
                raise _refused()
        elif event == "os.truncate" and not isinstance(arguments[0], int):
            if not _is_in(os.path.realpath(os.fsdecode(arguments[0])), allowed):
                raise _refused()
        elif changed := _CHANGED.get(event):
            if not all(_is_in(_named(*place), allowed) for place in changed(*arguments)):
                raise _refused()

    sys.addaudithook(refuse)


def _is_in(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _named(path: Any, folder: int) -> str:
    """The place of a name itself, where a link lies and not where it leads."""
    start = os.getcwd() if folder < 0 else _path_of(folder)
    parent, name = os.path.split(os.path.join(start, os.fsdecode(path)).rstrip("/"))
    return os.path.join(os.path.realpath(parent), name)


def _path_of(handle: int) -> str:
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{handle}")


def _refused() -> PermissionError:
    return PermissionError(errno.EACCES, "the fence of the worker: write in the task's folder, declare hosts")


def keep_hosts(hosts: Collection[str]) -> None:
    """Refuse to talk to any but these hosts, `name` or `name:port`, for good. None: no sockets of the internet."""
    known = _Hosts(hosts)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.__new__":
            if arguments[1] not in (-1, socket.AF_UNIX, *(_INTERNET if hosts else ())):
                raise _refused()
        elif event in _ASKED:
            if not known.has(arguments[0]):
                raise _refused()
        elif event in _SENT and arguments[0].family in _INTERNET and arguments[1] is not None:
            if not known.has(*arguments[1][:2]):
                raise _refused()
        elif event == "socket.bind" and arguments[0].family in _INTERNET and arguments[1][1]:
            raise _refused()

    sys.addaudithook(refuse)
    _socket.getaddrinfo = known.learning(_socket.getaddrinfo)


class _Hosts:
    """Hosts by name, and by the addresses that their names turned out to have."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._ports: dict[str, set[int]] = {}
        for name, port in map(host_and_port, hosts):
            self._ports.setdefault(name, set()).update([port] if port else [])

    def has(self, host: Any, port: int | None = None) -> bool:
        """Whether it is one of them, on a port that may be used."""
        ports = self._ports.get(_text(host))
        return ports is not None and (port is None or not ports or port in ports)

    def learning(self, look_up: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        """A look-up that remembers the addresses of the hosts."""

        def learned(host: Any, *more: Any, **named: Any) -> list[Any]:
            found = look_up(host, *more, **named)
            for _, _, _, _, address in found:
                self._ports.setdefault(address[0], set()).update(self._ports[_text(host)])
            return found

        return learned


def host_and_port(host: str) -> tuple[str, int | None]:
    """A declared host in its parts; an IPv6 address with a port stands in brackets."""
    from urllib.parse import urlsplit

    parts = urlsplit(f"//{host}")
    return parts.hostname or host, parts.port


def _text(host: Any) -> str:
    return (host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)).lower()

"""Connections that are hung up when the time for an answer is up, whatever of it still drips in."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

_UNTIL: ContextVar[float] = ContextVar("until", default=inf)
"""When all of the answer to what is being asked has to be there (monotonic, s)."""


class _Timed(socket.socket):
    """A socket whose other end may not go on for ever, be it with headers, or with the lengths of chunks."""

    until = inf

    def recv_into(self, *into: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        longest = self.gettimeout()
        self.settimeout(left if longest is None else min(longest, left))
        return super().recv_into(*into)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        plain = self.sock
        self.sock = _Timed(fileno=plain.detach())
        self.sock.settimeout(self.timeout)

    def request(self, *what: Any, **more: Any) -> None:
        if self.sock is None:
            self.connect()
        if isinstance(self.sock, _Timed):
            self.sock.until = _UNTIL.get()
        super().request(*what, **more)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class TimedAdapter(HTTPAdapter):
    """Connections of `requests` on which nothing is waited for beyond the time that `within` sets."""

    def init_poolmanager(self, *what: Any, **more: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*what, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool}


@contextmanager
def within(until: float) -> Iterator[None]:
    """What is asked in here has to be answered in time."""
    before = _UNTIL.set(until)
    try:
        yield
    finally:
        _UNTIL.reset(before)

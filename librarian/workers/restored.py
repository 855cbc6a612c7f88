"""Child side: the next request finds the process as the one before it did, whatever an extension changed."""

from __future__ import annotations

import contextlib
import locale
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

MASK = 0o077
"""Of files that a task makes."""
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM, signal.SIGPIPE)


def _streams() -> tuple[Any, Any]:
    return sys.stdout, sys.stderr


def _set_streams(streams: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = streams


def _handlers() -> list[Any]:
    return [signal.getsignal(number) for number in _HANDLED]


def _set_handlers(handlers: list[Any]) -> None:
    for number, handler in zip(_HANDLED, handlers, strict=True):
        if handler is not None:  # None: it was not set from Python
            signal.signal(number, handler)


def _set_environment(environment: dict[str, str]) -> None:
    if os.environ != environment:
        os.environ.clear()
        os.environ.update(environment)


def _numpy_errors() -> dict[str, str] | None:
    return sys.modules["numpy"].geterr() if "numpy" in sys.modules else None


def _set_numpy_errors(errors: dict[str, str] | None) -> None:
    if errors is not None:
        sys.modules["numpy"].seterr(**errors)


_STATE: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (os.getcwd, os.chdir),
    (lambda: dict(os.environ), _set_environment),
    (lambda: os.umask(MASK), os.umask),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (_streams, _set_streams),
    (_handlers, _set_handlers),
    (lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (_numpy_errors, _set_numpy_errors),
)


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Give the next request the process as this one found it."""
    found = [(give, take()) for take, give in _STATE]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for give, state in found:
            give(state)

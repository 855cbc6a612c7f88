"""Child side: what a task may change of its process, put back for the next one."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import contextlib
import locale
import operator
import os
import resource
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_LIMITS = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
_SIGNALS = [
    *(signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD),
    *(signal.SIGPIPE, signal.SIGPROF),
]
"""Those that libraries take for themselves."""
_PLAIN: tuple[tuple[Callable[[Any], None], Callable[[], Any]], ...] = (
    (sys.setrecursionlimit, sys.getrecursionlimit),
    (socket.setdefaulttimeout, socket.getdefaulttimeout),
)
"""How each is set, and how it is read."""
_NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""What numpy does where nobody said otherwise."""
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_TORCH_FLAGS = (
    ("backends.cuda.matmul", "allow_tf32"),
    ("backends.cudnn", "allow_tf32"),
    ("backends.cudnn", "benchmark"),
    ("backends.cudnn", "deterministic"),
)
_TORCH_CALLS = (
    ("get_num_threads", "set_num_threads"),
    ("get_default_dtype", "set_default_dtype"),
    ("is_grad_enabled", "set_grad_enabled"),
)


class Surroundings:
    """A process as it is now: folder, mask, environment, limits, handlers, streams, locale, settings of torch.

    Attributes:
        knows_torch: whether torch was loaded.
    """

    def __init__(self) -> None:
        self._folder, self._mask = os.getcwd(), _mask()
        self._environment, self._raw = dict(os.environ), dict(_raw_environment())
        self._limits = [resource.getrlimit(each) for each in _LIMITS]
        self._handlers = _handlers()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._locale = locale.setlocale(locale.LC_ALL)
        self._plain = [(put, get()) for put, get in _PLAIN]
        self._warnings = list(warnings.filters)
        self._numpy = sys.modules["numpy"].geterr() if "numpy" in sys.modules else _NUMPY_ERRORS
        self._torch = list(_torch_settings())
        self.knows_torch = "torch" in sys.modules

    def restore(self) -> bool:
        """Put everything back; whether all of it could be."""
        steps = [self._restore_folder, self._restore_environment, self._restore_limits, self._restore_others]
        if threading.current_thread() is threading.main_thread():
            steps.append(self._restore_handlers)
        restored = True
        for step in steps:
            try:
                step()
            except (OSError, ValueError, locale.Error):
                restored = False
        return restored

    def _restore_folder(self) -> None:
        os.umask(self._mask)
        os.chdir(self._folder)

    def _restore_environment(self) -> None:
        if _raw_environment() != self._raw:
            os.environ.clear()
            os.environ.update(self._environment)

    def _restore_limits(self) -> None:
        found = list(map(resource.getrlimit, _LIMITS))
        if found == self._limits:
            return
        for which, (soft, _), now in zip(_LIMITS, self._limits, found, strict=True):
            if soft != now[0]:
                resource.setrlimit(which, (soft, now[1]))

    def _restore_handlers(self) -> None:
        for timer in _TIMERS:
            signal.setitimer(timer, 0)
        if _handlers() == self._handlers:
            return
        for which, handler in zip(_SIGNALS, self._handlers, strict=True):
            if handler is not None:  # None: it is not one of Python's
                signal.signal(which, handler)

    def _restore_others(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        for put, value in self._plain:
            put(value)
        if warnings.filters != self._warnings:
            warnings.resetwarnings()
            warnings.filters[:] = self._warnings  # type: ignore[index]  # it is a list
        if numpy := sys.modules.get("numpy"):
            numpy.seterr(**self._numpy)
        for put, value, now in self._torch if self.knows_torch else _threads_alone():
            if now() != value:
                put(value)


def _handlers() -> list[Any]:
    # Not by `signal.getsignal`: it looks for a name for every handler, which costs as much as all else here.
    return list(map(_signal.getsignal, _SIGNALS))


def _raw_environment() -> Mapping[Any, Any]:
    """What can be compared without decoding every variable, where this Python has it."""
    found: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return found


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


Setting = tuple[Callable[[Any], Any], Any, Callable[[], Any]]
"""How it is set, to what, and how it is read."""


def _torch_settings() -> Iterator[Setting]:
    """What torch computes with, where it is loaded: pyannote and silero change it for the whole process."""
    torch = sys.modules.get("torch")
    for place, name in _TORCH_FLAGS if torch else ():
        with contextlib.suppress(Exception):  # a torch without it, or one that refuses to say
            owner = operator.attrgetter(place)(torch)
            yield _setter(owner, name), getattr(owner, name), _getter(owner, name)
    for get, put in _TORCH_CALLS if torch else ():
        with contextlib.suppress(Exception):
            yield getattr(torch, put), getattr(torch, get)(), getattr(torch, get)


def _setter(owner: Any, name: str) -> Callable[[Any], Any]:
    return lambda value: setattr(owner, name, value)


def _getter(owner: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(owner, name)


def _threads_alone() -> Iterator[Setting]:
    """Where the task itself loaded torch: the number of threads that workers are told to use."""
    torch, threads = sys.modules.get("torch"), os.environ.get("OMP_NUM_THREADS", "")
    if torch and threads.isdigit():
        with contextlib.suppress(AttributeError):
            yield torch.set_num_threads, int(threads), torch.get_num_threads


def seed(number: int) -> None:
    """Set the global generators, those that are loaded."""
    import random

    random.seed(number)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(number)

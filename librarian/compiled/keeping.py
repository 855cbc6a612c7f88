"""Machine code on disk: found again by what it was made from, and never believed where a byte of it is another."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

import numpy as np

from librarian.compiled.forms import c_types, form_of, told
from librarian.compiled.loading import Code, Native, this_machine
from librarian.files import user_cache, write_file

VARIABLE = "LIBRARIAN_KERNELS"
"""The folder, where the environment names it."""


def found_or_built(function: Callable[..., object], arguments: Sequence[Any]) -> Native:
    """Load the machine code of a function for arguments of a form, which is compiled where it is not on disk.

    Raises:
        TypeError: it is no kernel, or is given something that no kernel takes.
    """
    types = list(c_types(arguments))
    name = _name(function, arguments)
    code = _kept(name)
    if code is None:
        from librarian.compiled.building import built

        code = built(function, arguments)
        _keep(name, code)
    return Native(code, types)


@cache
def _folder() -> Path | None:
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    cache = user_cache()
    return cache / "extensions" / "kernels" if cache else None


def _kept(name: str) -> Code | None:
    if (folder := _folder()) is None:
        return None
    try:
        content = (folder / name).read_bytes()
    except OSError:
        return None
    digest, _, rest = content.partition(b"\n")
    if digest != _digest(rest):  # cut short when the power failed
        return None
    head, _, machine = rest.partition(b"\n")
    symbol, result = json.loads(head)
    return Code(symbol, result, machine)


def _keep(name: str, code: Code) -> None:
    if (folder := _folder()) is None:
        return
    rest = json.dumps([code.symbol, code.result]).encode() + b"\n" + code.machine
    with contextlib.suppress(OSError):  # it is compiled again then
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder / name, _digest(rest) + b"\n" + rest, durable=False)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _name(function: Callable[..., object], arguments: Sequence[Any]) -> str:
    """Of the file: all that the machine code hangs on."""
    forms = " ".join(told(form_of(each)) for each in arguments)
    parts = [forms, _makers(), *_made_from(cast(FunctionType, function))]
    return f"{function.__name__.strip('_')}-{_digest('|'.join(parts).encode())[:32].decode()}"


@cache
def _makers() -> str:
    return f"{sys.version} numba {version('numba')} {this_machine()}"


def _made_from(function: FunctionType) -> Iterator[str]:
    """The function as Python compiled it, every constant that it names, and every kernel that it calls."""
    code = function.__code__
    if code.co_freevars or any(isinstance(each, CodeType) for each in code.co_consts):
        raise TypeError(f"{function.__name__} holds a function, or stands in one: a kernel does not")
    constants = code.co_consts[1:] if function.__doc__ else code.co_consts
    yield f"{function.__qualname__} {code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"
    for name in code.co_names:
        yield from _named(name, function.__globals__.get(name), code.co_names)


def _named(name: str, value: Any, names: Sequence[str]) -> Iterator[str]:
    from librarian.compiled import Kernel

    if isinstance(value, Kernel):
        yield from _made_from(cast(FunctionType, value.function))
    elif isinstance(value, (bool, int, float, str, tuple, np.generic)):
        yield f"{name} {type(value).__name__} {value}"
    elif isinstance(value, ModuleType):
        for each in names:
            yield from _named(f"{name}.{each}", getattr(value, each, None), ())

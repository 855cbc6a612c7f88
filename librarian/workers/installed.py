"""What is installed, as far as the answers of extensions hang on it: looked at, and nothing of it imported."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import cache

MOST_FILES = 2000
"""Of one package: a larger one is asked each time, which is quicker than looking at all of its files."""
_METADATA = (".dist-info", ".egg-info")
_TELLING = ("", "METADATA", "PKG-INFO", "entry_points.txt")
"""Of a distribution: its folder or file, what tells its version, and what it offers."""


def state_of(package: str, version: str, value: str) -> str:
    """What an extension's answers hang on: its version and files, ours, and Python's; empty where that is not known.

    Args:
        package: its distribution; empty where there is none.
        version: the distribution's.
        value: of its entry point: `module`, or `module:attribute`.
    """
    try:
        found = [sys.version, package, version, value, *_ours(), *_files(_top_level(value))]
    except (ImportError, OSError, ValueError):
        return ""
    return _digest(found)


def state_of_all() -> str:
    """What Python and every distribution that it finds come down to: which there are, and when each was installed."""
    found = [sys.version]
    for top in sys.path:
        folder = os.path.abspath(top)
        found.append(folder)
        found += _stated(folder) if os.path.isfile(folder) else ()  # a zip file
        for name in sorted(_names(folder)):
            if name.lower().endswith(_METADATA):
                for telling in _TELLING:
                    found += _stated(os.path.join(folder, name, telling).rstrip("/"))
    return _digest(found)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # not there, or a zip file
        return []


def _stated(path: str) -> Iterator[str]:
    try:
        status = os.stat(path)
    except OSError:
        return
    yield f"{path} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _digest(found: list[str]) -> str:
    return hashlib.sha256("\0".join(found).encode(errors="surrogateescape")).hexdigest()


def code_of(value: str) -> str:
    """What the code of an extension comes down to: 26 base32 characters; empty where it is not found.

    The Python files of its package, by their places in it and their contents.

    Args:
        value: of its entry point: `module`, or `module:attribute`.
    """
    digest = hashlib.sha256()
    try:
        for top, path in _paths(_top_level(value)):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            digest.update(os.fsencode(os.path.relpath(path, top)) + b"\0" + content)
    except (ImportError, OSError, ValueError):
        return ""
    return base64.b32encode(digest.digest()).decode().lower()[:26]


@cache
def _ours() -> tuple[str, ...]:
    """Our own files: there are many, and in one process they are the same for every extension."""
    return tuple(_files(_top_level(__name__)))


def _top_level(value: str) -> str:
    return value.partition(":")[0].partition(".")[0].strip()


def _files(module: str) -> Iterator[str]:
    for _, path in _paths(module):
        status = os.stat(path)
        yield f"{path} {status.st_size} {status.st_mtime_ns}"


def _paths(module: str) -> Iterator[tuple[str, str]]:
    """The Python files of a module, each with the folder of the package that it lies in."""
    spec = importlib.util.find_spec(module)  # a top-level name: found, not imported
    if spec is None or spec.origin is None:
        raise ImportError(module)
    number = 0
    for top in spec.submodule_search_locations or [spec.origin]:
        is_folder = os.path.isdir(top)
        for path in sorted(_python_below(top)) if is_folder else [top]:
            number += 1
            if number > MOST_FILES:
                raise ImportError(module)
            yield (top if is_folder else os.path.dirname(top)), path


def _python_below(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names if name.endswith(".py"))

"""What is installed, as far as the answers of extensions hang on it: looked at, and nothing of it imported."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator

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
    found = [sys.version, package, version, value]
    try:
        for module in (__name__, value):
            found += _files(module.partition(":")[0].partition(".")[0].strip())
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


def _files(module: str) -> Iterator[str]:
    spec = importlib.util.find_spec(module)  # a top-level name: found, not imported
    if spec is None or spec.origin is None:
        raise ImportError(module)
    number = 0
    for top in spec.submodule_search_locations or [spec.origin]:
        for path in sorted(_python_below(top)) if os.path.isdir(top) else [top]:
            status = os.stat(path)
            number += 1
            if number > MOST_FILES:
                raise ImportError(module)
            yield f"{path} {status.st_size} {status.st_mtime_ns}"


def _python_below(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names if name.endswith(".py"))

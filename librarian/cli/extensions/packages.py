"""Which installed package is meant: by its name, that of its entry point, or the folder that it is made in."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from librarian.errors import ExtensionError, UsageError
from librarian.job import did_you_mean
from librarian.workers.declared import GROUP

_PROJECT = "pyproject.toml"
_LONGEST = 1 << 20


def package_of(typed: str) -> str:
    """The distribution that is meant. Nothing of it is imported.

    Raises:
        ExtensionError: it is not installed, or from elsewhere.
        UsageError: the folder is no package.
    """
    folder = Path(typed)
    if (folder / _PROJECT).is_file():
        return _made_in(folder.resolve())
    if folder.is_dir() and not _known(typed):
        raise UsageError(f"there is no {_PROJECT} in that folder; name a distribution, or the folder of one")
    if found := _known(typed):
        return found
    names = {word for point in _points() for word in (point.name, _distribution(point))}
    raise ExtensionError(
        f"no extension of that name is installed; what is there: librarian extensions{did_you_mean(typed, names)}"
    )


def _points() -> list[EntryPoint]:
    return [point for point in entry_points(group=GROUP) if point.dist]


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else ""


def _canonical(name: str) -> str:
    """A name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _known(typed: str) -> str:
    """The distribution of this name, or with an entry point of it; empty where there is none."""
    wanted = _canonical(typed)
    for point in _points():
        if wanted == _canonical(_distribution(point)):
            return _distribution(point)
    return next((_distribution(point) for point in _points() if wanted == _canonical(point.name)), "")


def _made_in(folder: Path) -> str:
    project = _project(folder)
    name = str(project.get("name", ""))
    if not (project.get("entry-points") or {}).get(GROUP):
        raise UsageError(f"{_PROJECT} has no [project.entry-points.{GROUP}]; it says where the extension is")
    found = next((point for point in _points() if _canonical(_distribution(point)) == _canonical(name)), None)
    if found is None:
        raise ExtensionError("it is not installed; type in that folder: pip install -e .")
    if not _is_from(found, folder):
        raise ExtensionError("what is installed under its name is another copy; type in that folder: pip install -e .")
    return _distribution(found)


def _project(folder: Path) -> Mapping[str, Any]:
    path = folder / _PROJECT
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("project")
    except ValueError:  # TOMLDecodeError and UnicodeDecodeError are some
        raise UsageError(f"{_PROJECT} cannot be read; is it TOML?") from None
    return found if isinstance(found, Mapping) else {}


def _is_from(point: EntryPoint, folder: Path) -> bool:
    try:
        spec = importlib.util.find_spec(point.module.partition(".")[0])  # a top-level name: found, not imported
    except (ImportError, ValueError):
        return False
    return bool(spec and spec.origin) and Path(str(spec and spec.origin)).resolve().is_relative_to(folder)

"""What is installed under this name, and that nothing else is taken for it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import librarian
from librarian.cli.common import refuse_shadow
from librarian.cli.doctor.finding import ENVIRONMENT, Finding, fail, ok, warn
from librarian.errors import LibrarianError

_OUR_ENTRY = b"librarian.cli"
"""Stands in every script that starts this package."""


def findings() -> Iterator[Finding]:
    """Version, the packages and modules of this name, and the program that comes first on PATH."""
    yield _version()
    try:
        refuse_shadow()
    except LibrarianError as error:
        yield fail("name", str(error), error.exit_code)
    if _others():
        text = "another module called librarian is found, and may be imported instead"
        yield fail("name", f"{text}; take it away, or its folder out of PYTHONPATH", ENVIRONMENT)
    if (found := shutil.which("librarian")) and not _starts_this(Path(found)):
        remedy = "activate the environment of this one, or type: python -m librarian"
        yield warn("name", f"another program called librarian comes first on PATH; {remedy}")


def _version() -> Finding:
    python = f"Python {platform.python_version()}"
    try:
        return ok("librarian", f"{librarian.__version__} on {python}")
    except importlib.metadata.PackageNotFoundError:
        return warn("librarian", f"on {python}, and not installed: extensions are not found; type: pip install -e .")


def _others() -> list[str]:
    """Folders that hold a module of this name which is not this one, where a process of ours would look for it."""
    ours = os.path.realpath(librarian.__file__ or "")
    # Neither the folder that `python -m` looks in first, nor the current one: no worker does.
    folders = [os.path.realpath(each) for each in sys.path if each not in ("", os.getcwd())]
    found = ((folder, PathFinder.find_spec("librarian", [folder])) for folder in dict.fromkeys(folders))
    return [
        folder for folder, spec in found if spec is not None and spec.origin and os.path.realpath(spec.origin) != ours
    ]


def _starts_this(script: Path) -> bool:
    try:
        return _OUR_ENTRY in script.read_bytes()
    except OSError:
        return False

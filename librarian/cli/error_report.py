"""The report of an error that nobody expected: a file that names no one, ready to be sent to those who can mend it.

It says where the error came from, and nothing of what was worked on: no messages (they quote values), no arguments,
no path but one within a package, no source but librarian's own.
"""

from __future__ import annotations

import errno
import linecache
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from pathlib import Path
from types import CodeType, FrameType

import librarian
from librarian import project
from librarian.cli import COMMANDS
from librarian.cli.place import root_as_typed
from librarian.files import cache_folder
from librarian.privacy.known import secrets, surroundings
from librarian.privacy.scrub import Scrubber
from librarian.ulid import new_ulid

MOST_ERRORS = 8
"""Errors of a chain that are told."""
MOST_FRAMES = 60
LONGEST_LINE = 300
_USED = ("av", "click", "numba", "numpy", "pydantic", "soundfile", "torch")


def write_report(error: BaseException) -> str:
    """Write the report of an error.

    Returns:
        Where it lies, in a form that names no one.

    Raises:
        OSError: it could not be written.
        RefusedError: it could not be scrubbed; nothing was written.
    """
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    scrubber.learn_secrets(secrets())
    text = "".join(f"{scrubber.scrub(line, limit=LONGEST_LINE)}\n" for line in lines(error))
    folder, shown = _folder()
    name = f"error-{new_ulid()}.txt"
    handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return f"{shown}/{name}"


def _folder() -> tuple[Path, str]:
    """The project's logs, else the user's cache; and how it is called."""
    root = root_as_typed()
    if root and os.access(root / project.STATE / "logs", os.W_OK):
        return root / project.STATE / "logs", f"{project.STATE}/logs"
    return cache_folder(), "$XDG_CACHE_HOME/librarian" if os.environ.get("XDG_CACHE_HOME") else "~/.cache/librarian"


def lines(error: BaseException) -> Iterator[str]:
    """The report, to be scrubbed."""
    command = next((word for word in sys.argv[1:] if word in COMMANDS), "(none)")
    yield f"librarian-media {librarian.__version__}, command: {command}"
    yield f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    yield f"packages: {_versions(_USED)}"
    offering = {point.dist.name for point in entry_points(group="librarian") if point.dist}
    yield f"extensions: {_versions(sorted(offering)) or 'none'}"
    yield "left out, because they may name someone: messages, arguments, files outside packages"
    public = _public()
    for number, each in enumerate(_chain(error)):
        yield ""
        yield f"{'caused by ' if number else ''}{_type(each, public)}"
        for frame, line in list(traceback.walk_tb(each.__traceback__))[-MOST_FRAMES:]:
            yield f"  {_place(frame, line, public)}"


def _versions(packages: tuple[str, ...] | list[str]) -> str:
    found = []
    for each in packages:
        try:
            found.append(f"{each} {version(each)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _public() -> frozenset[str]:
    """The first names of modules that come with Python or with a package, the owner's own scripts not among them."""
    offering = {point.module.partition(".")[0] for point in entry_points(group="librarian")}
    return sys.stdlib_module_names | packages_distributions().keys() | offering | {"librarian"}


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    for _ in range(MOST_ERRORS):
        if each is None:
            return
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _type(error: BaseException, public: frozenset[str]) -> str:
    kind = type(error)
    if kind.__module__.partition(".")[0] not in public:
        return "an error of another kind"
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    number = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return f"{name}{' ' if number else ''}{number}"


def _place(frame: FrameType, line: int, public: frozenset[str]) -> str:
    """`librarian/cli/run.py:57 in command: …`, its source only where it is librarian's own."""
    code, module = frame.f_code, str(frame.f_globals.get("__name__", ""))
    file = _within_package(code, module)
    if not file or file.partition("/")[0].removesuffix(".py") not in public:
        return "somewhere else"
    source = linecache.getline(code.co_filename, line).strip() if file.startswith("librarian/") else ""
    return f"{file}:{line} in {code.co_qualname}{': ' if source else ''}{source}"


def _within_package(code: CodeType, module: str) -> str:
    """A file from its package on, if it is the one that its module should be in; empty where it is not."""
    path = code.co_filename.replace(os.sep, "/")
    stem = "librarian/__main__" if module == "__main__" else module.replace(".", "/")
    return next((file for file in (f"{stem}.py", f"{stem}/__init__.py") if path.endswith(f"/{file}")), "")

"""A small package that works, from a template: its names are put in the place of the template's.

Templates are packages themselves, each under a name that stands nowhere else: `librarian-template-<variant>`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from librarian.errors import UsageError
from librarian.operation import NAME_PATTERN

PREFIX = "librarian-"
"""Of distributions: so that an extension takes no name that a package for something else has."""
_TEMPLATES = Path(__file__).parent / "templates"
_PLAIN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LEFT_OUT = ("__pycache__", ".pytest_cache", ".ruff_cache")


@dataclass(frozen=True)
class Name:
    """What an extension is called.

    Attributes:
        word: without the prefix, `slow-fade`.
    """

    word: str

    @classmethod
    def read(cls, typed: str) -> Name:
        """A name as it was typed, with or without the prefix.

        Raises:
            UsageError: no distribution, module or operation may be called that.
        """
        word = typed.removeprefix(PREFIX)
        if not _PLAIN.fullmatch(word):
            close = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
            hint = f", such as {close}" if _PLAIN.fullmatch(close) else ""
            raise UsageError(f"a name has small letters, digits and single hyphens, and begins with a letter{hint}")
        name = cls(word)
        if not re.fullmatch(NAME_PATTERN, name.operation):
            raise UsageError("a name has at most 32 characters, for its operation is called so too")
        return name

    @property
    def distribution(self) -> str:
        """What is installed, and the folder: `librarian-slow-fade`."""
        return PREFIX + self.word

    @property
    def module(self) -> str:
        """What is imported: `librarian_slow_fade`."""
        return self.distribution.replace("-", "_")

    @property
    def operation(self) -> str:
        """What a job file uses: `slow_fade`."""
        return self.word.replace("-", "_")

    @property
    def title(self) -> str:
        """What its classes begin with: `SlowFade`."""
        return "".join(part.capitalize() for part in self.word.split("-"))


def variants() -> list[str]:
    """The templates that there are."""
    return sorted(path.name for path in _TEMPLATES.iterdir() if path.is_dir())


def write(name: Name, variant: str, into: Path) -> list[Path]:
    """Write a package into a folder of its own; all of it, or nothing.

    Args:
        name: what it is called.
        variant: one of `variants`.
        into: the folder in which its folder is made.

    Returns:
        Its files, from its folder on.

    Raises:
        UsageError: its folder is there already.
    """
    target = into / name.distribution
    if os.path.lexists(target):
        raise UsageError(f"{name.distribution} is here already; take another name, or another folder: --into FOLDER")
    into.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{name.distribution}-", dir=into))
    try:
        files = list(_written(name, variant, made))
        made.chmod(0o777 & ~_umask())
        made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return files


def _written(name: Name, variant: str, made: Path) -> Iterator[Path]:
    template, was = _TEMPLATES / variant, Name(f"template-{variant}")
    for source in sorted(path for path in template.rglob("*") if path.is_file()):
        place = source.relative_to(template)
        if not {*place.parts} & {*_LEFT_OUT}:
            place = Path(_renamed(place.as_posix(), was, name))
            (made / place).parent.mkdir(parents=True, exist_ok=True)
            (made / place).write_text(_renamed(source.read_text(encoding="utf-8"), was, name), encoding="utf-8")
            yield place


def _renamed(text: str, was: Name, name: Name) -> str:
    pairs = {was.operation: name.operation, was.word: name.word, was.title: name.title}
    return re.sub("|".join(pairs), lambda found: pairs[found[0]], text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Patterns → paths. What cannot be looked at is a match too: nothing is left out in silence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcmatch import glob

_FLAGS = glob.BRACE | glob.GLOBSTAR | glob.IGNORECASE | glob.NODIR
_PATTERN_LIMIT = 1000
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


if TYPE_CHECKING:
    _Base = glob.Glob[str]
else:
    _Base = glob.Glob


class _Glob(_Base):
    """wcmatch passes over folders that cannot be opened and links in a circle; this one keeps them."""

    def __init__(self, pattern: str, folder: str) -> None:
        super().__init__(pattern, flags=_FLAGS, root_dir=folder, limit=_PATTERN_LIMIT)
        self.folder = folder
        self.closed: dict[str, str] = {}

    def _iter(self, curdir: str | None, dir_only: bool, deep: bool) -> Iterator[tuple[str, bool, bool, bool]]:
        here = os.path.join(self.folder, curdir or "")
        try:
            with os.scandir(here) as listing:
                yield from ((name, True, True, False) for name in self.specials)
                for each in listing:
                    is_folder = _is_folder(each)
                    if is_folder or not dir_only:
                        link = is_folder and each.is_symlink()
                        yield each.name, is_folder, self._is_hidden(each.name), link
        except OSError as error:
            if error.errno not in _NOT_THERE:
                self.closed[here] = error.strerror or str(error)


def _is_folder(entry: os.DirEntry[Any]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def matches(pattern: str, folder: Path) -> dict[Path, str]:
    """The paths that a pattern takes, and why those cannot be read that are folders on its way.

    Args:
        pattern: braces, `**`; letter case ignored, dot files off.
        folder: what it is relative to.

    Raises:
        ValueError: it cannot be read.
    """
    above = os.fspath(folder)
    try:
        looking = _Glob(pattern, above)
        found = dict.fromkeys(looking.glob(), "")
    except Exception as error:  # wcmatch has private types for what it cannot expand
        raise ValueError(type(error).__name__) from None
    found |= {place: f"a folder that cannot be opened: {reason}" for place, reason in looking.closed.items()}
    return {Path(os.path.normpath(os.path.join(above, place))): reason for place, reason in found.items()}

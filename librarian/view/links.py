"""Links below a folder: made, and removed again. What is somebody else's is left alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Changed:
    """What was done to a folder of links.

    Attributes:
        links: how many links it holds.
        made: how many links were made.
        removed: how many links were removed.
        dropped: results that it would show, and that are dropped.
        foreign: names that were to be made or removed and are somebody else's.
    """

    links: int = 0
    made: int = 0
    removed: int = 0
    dropped: int = 0
    foreign: list[str] = field(default_factory=list)


class Links:
    """Links below a folder.

    Args:
        top: the folder.
        folders: the folders below it that were made for links.

    Attributes:
        folders: the same, as they are, or will be once the links that are expected are made.
        changed: what was done so far.
    """

    def __init__(self, top: Path, folders: set[str]) -> None:
        self._top = os.fspath(top)
        self.folders, self.changed = folders, Changed()
        self._checked: dict[str, bool] = {"": True}

    def remove(self, links: Mapping[str, str]) -> None:
        """Remove links that lead where they are said to (link → target), and folders that hold nothing any more."""
        for link, target in links.items():
            if not self._is_folder(os.path.dirname(link), make=False):
                continue
            if self._target(link) == target:
                os.unlink(f"{self._top}/{link}")
                self.changed.removed += 1
            elif os.path.lexists(f"{self._top}/{link}"):
                self.changed.foreign.append(link)
        self._remove_empty({os.path.dirname(link) for link in links})
        self._checked = {"": True}

    def expect(self, links: Mapping[str, str]) -> None:
        """Take in which folders will have to be made for links."""
        wanted = {each for link in links for each in _and_above(os.path.dirname(link))}
        self.folders |= {each for each in wanted - self.folders if not os.path.lexists(f"{self._top}/{each}")}

    def make(self, links: Mapping[str, str]) -> None:
        """Make links (link → target) that are not there.

        Raises:
            OSError: the disk failed, or takes no links.
        """
        for link, target in links.items():
            if not self._is_folder(os.path.dirname(link), make=True) or not self._lead(link, target):
                self.changed.foreign.append(link)
            else:
                self.changed.links += 1

    def _lead(self, link: str, target: str) -> bool:
        """Have a link lead to its target; whether it does, and nothing else has its name."""
        there = self._target(link)
        if there is not None:
            return there == target
        try:
            os.symlink(target, f"{self._top}/{link}")
        except FileExistsError:
            return False
        self.changed.made += 1
        return True

    def _target(self, link: str) -> str | None:
        """Where a link leads; None where there is none."""
        try:
            return os.readlink(f"{self._top}/{link}")
        except OSError:
            return None

    def _is_folder(self, folder: str, *, make: bool) -> bool:
        """Whether a folder is one, and no link to one; where there is nothing it may be made."""
        if folder not in self._checked:
            self._checked[folder] = self._is_folder(os.path.dirname(folder), make=make) and self._look(folder, make)
        return self._checked[folder]

    def _look(self, folder: str, make: bool) -> bool:
        path = f"{self._top}/{folder}"
        try:
            return stat.S_ISDIR(os.lstat(path).st_mode)
        except FileNotFoundError:
            if not make:
                return False
        os.mkdir(path, 0o700)
        return True

    def _remove_empty(self, folders: set[str]) -> None:
        """Remove those of folders, and of those above them, that were made for links and hold nothing any more."""
        for folder in sorted({each for below in folders for each in _and_above(below)}, key=len, reverse=True):
            if folder not in self.folders:
                continue
            try:
                os.rmdir(f"{self._top}/{folder}")
            except FileNotFoundError:
                pass
            except OSError:  # something lies in it, or in its place
                continue
            self.folders.discard(folder)


def _and_above(folder: str) -> list[str]:
    found = []
    while folder:
        found.append(folder)
        folder = os.path.dirname(folder)
    return found

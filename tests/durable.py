"""What a power failure would undo, from the calls of a run: a kill cannot show it, for what is written stays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from faults import OPENS, SYNCS, WRITES, Call

STAGING, OLD, MANIFEST = "/.staging/", ".old", ".jsonl"
NAMES = "/.librarian/vault.db-wal"
"""What a line of a manifest stands for must be on disk before it, and nobody can make it anew."""


class Disk:
    """Follows the calls of a run, and notes those that rely on what is not durable yet.

    Args:
        root: the archive.
    """

    def __init__(self, root: Path) -> None:
        self._library = os.path.join(root, "library")
        self._open: set[str] = set()
        self._put_aside: set[str] = set()
        self.too_early: list[str] = []

    def follow(self, calls: Iterable[Call]) -> None:
        """Take in calls, in their order."""
        for call in calls:
            self._judge(call)
            self._take(call)

    def _judge(self, call: Call) -> None:
        name, path = call.notice.name, call.path
        if name.startswith("rename") and STAGING in call.source and self._is_result(path):
            self._need(call, {each for each in self._open if _is_in(each, call.source)})
        elif name in WRITES and path.endswith(MANIFEST):
            self._need(call, {each for each in self._open if self._is_result(each) or each.endswith(NAMES)})
        elif name.startswith("unlink"):
            self._need(call, {each for each in self._put_aside if _is_in(path, each)})

    def _need(self, call: Call, lacking: set[str]) -> None:
        if lacking:
            self.too_early.append(f"{call}: {sorted(lacking)}")

    def _is_result(self, path: str) -> bool:
        return _is_in(path, self._library) and STAGING not in f"{path}/"

    def _take(self, call: Call) -> None:
        name, path = call.notice.name, call.path
        if name in SYNCS:
            self._open = set() if name == "syncfs" else self._open - {path}
            self._put_aside = set() if path.endswith(MANIFEST) else self._put_aside
        elif name in WRITES:
            self._open.add(path)
        elif name.startswith("rename"):
            moved = {each for each in self._open if _is_in(each, call.source)}
            self._open = (self._open - moved) | {path + each.removeprefix(call.source) for each in moved}
            self._open.add(os.path.dirname(path))
            self._put_aside |= {path} if path.endswith(OLD) else set()
        elif call.is_new and (name in OPENS or name.startswith("mkdir")):
            self._open.add(os.path.dirname(path))


def _is_in(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")

"""What the path of a file says: its group, its role, its label, and the row of a list that is about it."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import re2

from librarian.job import RecordingsEntry, Table

_MOST_SAID = 5


class NameReader:
    """What the path of a file says by the entry's patterns and its list."""

    def __init__(self, entry: RecordingsEntry, folder: Path, table: Table | None) -> None:
        self._folder, self._entry, self.table = os.fspath(folder), entry.id, table
        self._label = re2.compile(entry.label) if entry.label else None
        self._group = re2.compile(entry.group) if entry.group else None
        self._roles = entry.roles
        self._reads_names = bool(entry.label or entry.group or table)
        self._rows: dict[str, int] = {}
        self._again: dict[int, int] = {}
        for line, row in table.rows.items() if table else ():
            if (first := self._rows.setdefault(normal(row.file), line)) != line:
                self._again[line] = first
        self._fitting: Counter[int] = Counter()
        self._without = 0

    def __call__(self, path: str) -> dict[str, Any]:
        """Group, role, label and row of a file."""
        if not self._reads_names:
            return {}
        name = normal(os.path.relpath(path, self._folder))
        row = self._row(name, normal(path)) if self.table else 0
        group, role = self._group_of(name)
        label, public = self._label_of(name), True
        if not label and row and self.table:
            label, public = self.table.rows[row].label, self.table.labels_are_public
        told = {"group": group, "role": role, "label": label, "public": bool(label) and public}
        return {**told, "row": row, "table": self._entry} if row else told

    def _row(self, name: str, path: str) -> int:
        """The row about a file: the one that says most of its path, from the job file or from the root."""
        parts = path.split("/")
        for said in (name, path, *("/".join(parts[start:]) for start in range(1, len(parts)))):
            if line := self._rows.get(said):
                self._fitting[line] += 1
                return line
        self._without += 1
        return 0

    def _group_of(self, name: str) -> tuple[str, str]:
        match = self._group.search(name) if self._group else None
        if match is None:
            return "", ""
        if self._roles is None:
            return match["group"] or "", ""
        role = self._roles.get(match["role"] or "", "")
        return (match["group"] or "", role) if role else ("", "")

    def _label_of(self, name: str) -> str:
        match = self._label.search(name) if self._label else None
        if match is None:
            return ""
        return (match["label"] if "label" in match.groupdict() else match[0]) or ""

    def wrong_rows(self) -> Iterator[str]:
        """What is wrong with rows of the list."""
        for line, first in list(self._again.items())[:_MOST_SAID]:
            yield f"line {line} of the list: names the file of line {first} again"
        for line in sorted(line for line, files in self._fitting.items() if files > 1)[:_MOST_SAID]:
            yield f"line {line} of the list: {self._fitting[line]} files fit; write more of the path"

    def unmatched(self) -> tuple[int, int]:
        """Rows that fit no file, files that no row fits."""
        return len(self._rows) - len(self._fitting), self._without


def normal(name: str) -> str:
    """A path that can be compared and matched: one way to write accents, no broken characters."""
    name = name.encode(errors="replace").decode().replace("\\", "/")
    return unicodedata.normalize("NFC", name.removeprefix("./"))

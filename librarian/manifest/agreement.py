"""Whether the catalog tells what the manifests do: looked at, and nothing brought up to date."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from librarian.manifest.index_file import READER_PATIENCE, VERSION
from librarian.manifest.journal import manifests


@dataclass(frozen=True)
class Agreement:
    """How a catalog and the manifests go together.

    Attributes:
        manifests: how many there are.
        behind: of them, those that it has not taken in to their end.
        gone: manifests that it knows and that are not there, or are shorter than it knows them.
        damaged: whether it cannot be read.
    """

    manifests: int
    behind: int = 0
    gone: int = 0
    damaged: bool = False


def agreement(catalog: Path, folder: Path) -> Agreement:
    """Compare the sizes that a catalog knows with those of the manifests."""
    sizes = {path.stem: path.stat().st_size for path in manifests(folder)}
    if not catalog.exists():
        return Agreement(len(sizes), behind=len(sizes))
    try:
        known = _known(catalog)
    except sqlite3.DatabaseError:
        return Agreement(len(sizes), damaged=True)
    gone = sum(sizes.get(job, -1) < size for job, size in known.items())
    return Agreement(len(sizes), sum(known.get(job, -1) < size for job, size in sizes.items()), gone)


def _known(catalog: Path) -> dict[str, int]:
    place = f"file:{quote(os.fspath(catalog))}?mode=ro"
    with contextlib.closing(sqlite3.connect(place, uri=True, timeout=READER_PATIENCE)) as db:
        if db.execute("PRAGMA user_version").fetchone() != (VERSION,):
            return {}
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        return dict(db.execute("SELECT job, bytes FROM manifests"))

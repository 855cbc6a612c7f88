"""How to get operations that are not installed: what did them here before. The job file itself is not believed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from librarian.cli.place import root_as_typed
from librarian.project import STATE


def remedies(lacking: Iterable[str]) -> Iterator[str]:
    """A line for each operation that the record knows.

    Args:
        lacking: as job files name them, `reverb` or `librarian-reverb/reverb`.
    """
    known = _recorded()
    for name in dict.fromkeys(lacking):
        packages = sorted({full.partition("/")[0] for full in known if name in (full, full.partition("/")[2])})
        if packages:
            install = " or ".join(f"pip install {package}" for package in packages)
            yield f"{name} was done here before by {' or '.join(packages)}, which is gone; type: {install}"


def _recorded() -> list[str]:
    """`package/operation` of all that was done in this project; none where nothing tells."""
    root = root_as_typed()
    if root is None:
        return []
    where = f"file:{quote(os.fspath(root / STATE / 'catalog.db'))}?immutable=1"  # as it stands: nothing is written
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(where, uri=True, timeout=0.1)) as db:
        return [str(full) for (full,) in db.execute("SELECT DISTINCT operation FROM speeds")]
    return []

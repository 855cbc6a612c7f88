"""What was dropped, and what could be, as the catalog tells it.

The results of a task are dropped together. The record keeps what they were and how to make them again; a line that says
that they were made again ends it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from librarian.manifest.index import Index

Holder = tuple[str, str, str]
"""What a result is current for: job name, step, unit."""


class Held(NamedTuple):
    """Results of one task that lie in the library.

    Attributes:
        key: its task key.
        by: what they were made for.
        job: the id of the job that made them.
        folder: where they lie, relative to the library.
        files: (file, relative to the library; its size) of each.
        current: what they are current for.
        again: whether they had been dropped before they were made.
    """

    key: str
    by: Holder
    job: str
    folder: str
    files: tuple[tuple[str, int], ...]
    current: tuple[Holder, ...]
    again: bool


class Dropped(Index):
    """Questions about results that were dropped."""

    def dropped_in(self, key: str) -> str | None:
        """The job that dropped what was made under a task key; None where that is not dropped."""
        row = self._db.execute(
            "SELECT d.job FROM made m JOIN drops d ON d.key = m.key WHERE m.key = ? AND m.dropped", (key,)
        ).fetchone()
        return row[0] if row else None

    def dropped_key(self, artifact_id: str) -> str | None:
        """The task key of an artifact that is dropped; None where it is there, or was never made."""
        row = self._db.execute(
            "SELECT m.key FROM artifacts a JOIN made m ON m.key = a.key WHERE a.id = ? AND m.dropped", (artifact_id,)
        ).fetchone()
        return row[0] if row else None

    def has_dropped(self, job_name: str) -> bool:
        """Whether anything that is current in a job is dropped."""
        row = self._db.execute(
            "SELECT 1 FROM current c JOIN made m ON m.key = c.key WHERE c.job_name = ? AND m.dropped LIMIT 1",
            (job_name,),
        ).fetchone()
        return row is not None

    def dropped_keys(self) -> list[str]:
        """The task keys of all that is dropped."""
        return [key for (key,) in self._db.execute("SELECT key FROM made WHERE dropped ORDER BY key")]

    def dropped_folders(self, job: str | None = None) -> list[str]:
        """Where dropped results lay, those of one job or all: nothing should lie there."""
        which, values = ("d.job = ? AND ", (job,)) if job else ("", ())
        rows = f"SELECT m.folder FROM drops d JOIN made m ON m.key = d.key WHERE {which}m.dropped"
        return [folder for (folder,) in self._db.execute(rows, values)]

    def dropped_results(self, kind: str = "") -> dict[tuple[str, str, str], int]:
        """(job name, step, output) → how many results are current and dropped; maybe of one kind only."""
        if not self._db.execute("SELECT 1 FROM made WHERE dropped LIMIT 1").fetchone():
            return {}
        rows = self._db.execute(
            "SELECT c.job_name, c.step, a.output, COUNT(*) FROM live c JOIN made m ON m.key = c.key "
            "JOIN artifacts a ON a.key = m.key WHERE m.dropped AND (?1 = '' OR a.kind = ?1) GROUP BY 1, 2, 3",
            (kind,),
        )
        return {(job_name, step, output): number for job_name, step, output, number in rows}

    def step_names(self) -> set[str]:
        """The steps that made anything that is there, or for which it is current."""
        rows = self._db.execute(
            "SELECT step FROM made WHERE NOT dropped UNION "
            "SELECT c.step FROM current c JOIN made m ON m.key = c.key WHERE NOT m.dropped"
        )
        return {step for (step,) in rows}

    def held(self) -> Iterator[Held]:
        """The results of every task that lie in the library, but for those that a person made."""
        current: dict[str, list[Holder]] = defaultdict(list)
        for key, *holder in self._db.execute("SELECT key, job_name, step, unit FROM live"):
            current[key].append((holder[0], holder[1], holder[2]))
        rows = self._db.execute(
            "SELECT m.key, m.job_name, m.step, m.unit, m.job, m.folder, m.files, d.job FROM made m "
            "LEFT JOIN drops d ON d.key = m.key WHERE NOT m.dropped AND NOT m.by_hand ORDER BY m.job_name, m.step"
        )
        for key, job_name, step, unit, job, folder, files, dropped in rows:
            where = tuple(files_of(folder, files))
            yield Held(
                key, (job_name, step, unit), job, folder, where, tuple(current.get(key, ())), dropped is not None
            )


def files_of(folder: str, files: str) -> Iterator[tuple[str, int]]:
    """The files of a task and their sizes, as the index keeps them."""
    parts = files.split("/") if files else ()
    return ((f"{folder}/{file}", int(size)) for file, size in zip(parts[::2], parts[1::2], strict=True))

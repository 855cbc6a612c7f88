"""The index over all manifests: what was made, what is current, what is suspect. Rebuildable; never the truth.

It catches up from the manifests whenever it is opened, and is made anew where it is damaged or does not fit them.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.manifest.journal import entries, manifests
from librarian.manifest.records import GOOD

VERSION = 4
WRITER_PATIENCE = 60.0
"""How long the writer waits for a reader that brings the index up to date (s)."""
READER_PATIENCE = 5.0
"""How long a reader waits for the writer; then it works with what the index holds (s)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS manifests (job TEXT PRIMARY KEY, bytes INTEGER, lines INTEGER, link TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job TEXT, type TEXT, body TEXT, PRIMARY KEY (job, type)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (key TEXT PRIMARY KEY, job TEXT, seq INTEGER, unit TEXT, folder TEXT,
    start INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS artifacts (id TEXT PRIMARY KEY, key TEXT, output TEXT, item INTEGER, kind TEXT, file TEXT,
    bytes INTEGER, digest TEXT, private INTEGER, facts TEXT, suspect INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS artifacts_by_key ON artifacts (key);
CREATE TABLE IF NOT EXISTS consumed (input TEXT, key TEXT, PRIMARY KEY (input, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS current (job_name TEXT, step TEXT, unit TEXT, outcome TEXT, key TEXT, document TEXT,
    given TEXT, reason TEXT, job TEXT, seq INTEGER, start INTEGER, PRIMARY KEY (job_name, step, unit)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS current_by_unit ON current (unit);
CREATE INDEX IF NOT EXISTS current_by_key ON current (key);
"""


@dataclass(frozen=True)
class MadeArtifact:
    """An artifact that a line says exists. `file` is relative to the library."""

    id: str
    output: str
    item: int | None
    kind: str
    file: str
    bytes: int
    digest: str
    private: bool
    facts: dict[str, Any]
    suspect: bool


@dataclass(frozen=True)
class Made:
    """What was made under a task key."""

    key: str
    folder: str
    artifacts: tuple[MadeArtifact, ...]


@dataclass(frozen=True)
class Current:
    """What the last outcome line says of (job name, step, unit)."""

    outcome: str
    key: str
    document: dict[str, Any] | None
    given: tuple[str, ...]
    reason: str

    @property
    def good(self) -> bool:
        """Whether that outcome left results."""
        return self.outcome in GOOD


@dataclass(frozen=True)
class Place:
    """Where a line stands: in the manifest of which job, its number there, the byte it begins at."""

    job: str
    seq: int
    start: int


@dataclass(frozen=True)
class Ended:
    """A current outcome, of which (job name, step, unit), and where its line stands."""

    job_name: str
    step: str
    unit: str
    outcome: str
    key: str
    reason: str
    place: Place

    @property
    def good(self) -> bool:
        """Whether it left results."""
        return self.outcome in GOOD


class Catalog:
    """The index, open.

    Args:
        path: its file.
        folder: the manifests.
        owned: whether the caller is the one writer, who may make a damaged index anew. A reader works with one in
            memory then, and with one that is not caught up where the writer is busy with it.
    """

    def __init__(self, path: Path, folder: Path, *, owned: bool) -> None:
        self._folder = folder
        self._db = _open(path, owned)
        try:
            self._catch_up()
        except sqlite3.DatabaseError as error:
            busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            if busy and not owned:
                self._db.rollback()
                return
            self._db = _fresh(path, self._db, owned)
            self._catch_up()

    def close(self) -> None:
        """Close the index."""
        self._db.close()

    def _catch_up(self) -> None:
        if self._known() == self._sizes():
            return
        self._db.execute("BEGIN IMMEDIATE")  # or another process takes in newer lines before these
        known, sizes = self._known(), self._sizes()
        shrunk = any(sizes.get(job, -1) < size for job, size in known.items())
        if shrunk or not all([self._add(job) for job, size in sizes.items() if size > known.get(job, 0)]):
            self._rebuild()
        self._db.commit()

    def _sizes(self) -> dict[str, int]:
        return {path.stem: path.stat().st_size for path in manifests(self._folder)}

    def _known(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT job, bytes FROM manifests"))

    def _rebuild(self) -> None:
        for table in ("manifests", "jobs", "made", "artifacts", "consumed", "current"):
            self._db.execute(f"DELETE FROM {table}")
        for path in manifests(self._folder):
            self._add(path.stem)

    def _add(self, job: str) -> bool:
        """Take in what was appended to a manifest, up to a torn line; False where it does not follow what is known."""
        row = self._db.execute("SELECT bytes, lines, link FROM manifests WHERE job = ?", (job,)).fetchone()
        start, seq, last = row or (0, 0, None)
        for line in entries(self._folder / f"{job}.jsonl", start, seq):
            if line.torn:
                break
            if last is not None and line.prev != last:
                return False
            if line.type == "outcome" and line.body:
                self._outcome(Place(job, line.seq, start), line.body)
            elif line.body:
                self._db.execute(
                    "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", (job, line.type, json.dumps(line.body))
                )
            seq, start, last = line.seq + 1, line.end, None
            self._db.execute("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?)", (job, line.end, seq, line.link))
        return True

    def follow(self, job: str) -> None:
        """Take in what was appended to the manifest of `job` since last time."""
        self._db.execute("BEGIN IMMEDIATE")
        if not self._add(job):
            self._rebuild()
        self._db.commit()

    def _outcome(self, place: Place, body: dict[str, Any]) -> None:
        key = body["key"] or ""
        if body["produced"] or body["outcome"] in ("done", "degraded"):
            self._made(place, key, body)
        reason = (body["cause"] or {}).get("reason", "")
        document = json.dumps(body["document"]) if body["document"] else None
        self._db.execute(
            "INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(body["job_name"], body["step"], body["unit"], body["outcome"], key),
                *(document, json.dumps(body["given"]), reason),
                *(place.job, place.seq, place.start),
            ),
        )

    def _made(self, place: Place, key: str, body: dict[str, Any]) -> None:
        self._db.execute("DELETE FROM artifacts WHERE key = ?", (key,))
        self._db.execute(
            "INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?, ?, ?)",
            (key, place.job, place.seq, body["unit"], body["folder"], place.start),
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO consumed VALUES (?, ?)", [(each["id"], key) for each in body["consumed"]]
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            [
                (
                    *(each["id"], key, each["output"], each["item"], each["kind"]),
                    *(f"{body['folder']}/{each['file']}", each["bytes"], each["digest"]),
                    *(each["private"], json.dumps(each["facts"])),
                )
                for each in body["produced"]
            ],
        )

    def made(self, key: str) -> Made | None:
        """What was made under a task key."""
        row = self._db.execute("SELECT folder FROM made WHERE key = ?", (key,)).fetchone()
        return Made(key, row[0], tuple(self._artifacts("key = ? ORDER BY output, item", key))) if row else None

    def artifact(self, artifact_id: str) -> MadeArtifact:
        """One artifact.

        Raises:
            KeyError: no line says that it was made.
        """
        for found in self._artifacts("id = ?", artifact_id):
            return found
        raise KeyError(artifact_id)

    def made_by(self, job: str, folder: str) -> bool:
        """Whether what lies in a folder was made by that job, as its manifest says."""
        row = self._db.execute("SELECT 1 FROM made WHERE job = ? AND folder = ?", (job, folder)).fetchone()
        return row is not None

    def artifacts(self) -> Iterator[MadeArtifact]:
        """Every artifact that a line says exists, by file."""
        return self._artifacts("1 ORDER BY file")

    def _artifacts(self, where: str, *values: str) -> Iterator[MadeArtifact]:
        columns = "id, output, item, kind, file, bytes, digest, private, facts, suspect"
        for row in self._db.execute(f"SELECT {columns} FROM artifacts WHERE {where}", values):
            named = dict(zip(columns.split(", "), row, strict=True))
            named |= {"private": bool(row[7]), "facts": json.loads(row[8]), "suspect": bool(row[9])}
            yield MadeArtifact(**named)

    def standing(self, job_name: str, step: str, unit: str, key: str) -> list[tuple[str, int]] | None:
        """The files (and their sizes) of a result that is current under this key; None where it is not, or suspect."""
        rows = self._db.execute(
            "SELECT c.outcome, a.file, a.bytes, a.suspect FROM current c JOIN made m ON m.key = c.key "
            "LEFT JOIN artifacts a ON a.key = c.key WHERE c.job_name = ? AND c.step = ? AND c.unit = ? AND c.key = ?",
            (job_name, step, unit, key),
        ).fetchall()
        if not rows or rows[0][0] not in GOOD or any(row[3] for row in rows):
            return None
        return [(row[1], row[2]) for row in rows if row[1] is not None]

    def current(self, job_name: str, step: str, unit: str) -> Current | None:
        """What the last outcome line says of (job name, step, unit)."""
        row = self._db.execute(
            "SELECT outcome, key, document, given, reason FROM current WHERE job_name = ? AND step = ? AND unit = ?",
            (job_name, step, unit),
        ).fetchone()
        if row is None:
            return None
        document = json.loads(row[2]) if row[2] else None
        return Current(row[0], row[1], document, tuple(json.loads(row[3])), row[4])

    def beginning(self, text: str, most: int) -> list[str]:
        """Ids and task keys that begin with a text; `most` of each sort at the most."""
        found: set[str] = set()
        for table, column in (("artifacts", "id"), ("made", "key"), ("manifests", "job"), ("current", "unit")):
            found |= {
                each
                for (each,) in self._db.execute(
                    f"SELECT DISTINCT {column} FROM {table} WHERE {column} >= ? AND {column} < ? ORDER BY 1 LIMIT ?",
                    (text, f"{text}~", most),
                )
            }
        return sorted(found)

    def key_of(self, artifact_id: str) -> str:
        """The task key that an artifact was made under.

        Raises:
            KeyError: no line says that it was made.
        """
        row = self._db.execute("SELECT key FROM artifacts WHERE id = ?", (artifact_id,)).fetchone()
        if row is None:
            raise KeyError(artifact_id)
        return str(row[0])

    def place(self, key: str) -> Place | None:
        """Where the line stands that says what was made under a task key."""
        row = self._db.execute("SELECT job, seq, start FROM made WHERE key = ?", (key,)).fetchone()
        return Place(*row) if row else None

    def ended(self, *, unit: str | None = None, key: str | None = None) -> list[Ended]:
        """The current outcomes of a unit, or of a task key, in the order in which they came."""
        columns = "job_name, step, unit, outcome, key, reason, job, seq, start"
        which, value = ("unit", unit) if key is None else ("key", key)
        rows = self._db.execute(f"SELECT {columns} FROM current WHERE {which} = ? ORDER BY job, seq", (value,))
        return [
            Ended(job_name, step, of, outcome, made, reason, Place(*place))
            for job_name, step, of, outcome, made, reason, *place in rows
        ]

    def consumers(self, input_id: str) -> list[str]:
        """The task keys of what was made from a recording or an artifact."""
        return [key for (key,) in self._db.execute("SELECT key FROM consumed WHERE input = ?", (input_id,))]

    def jobs(self) -> list[str]:
        """The ids of all jobs, oldest first."""
        return [job for (job,) in self._db.execute("SELECT job FROM manifests ORDER BY job")]

    def job_lines(self, job: str) -> dict[str, dict[str, Any]]:
        """A manifest's lines that are no outcomes, by their type: job, summary, seal, as far as there are."""
        rows = self._db.execute("SELECT type, body FROM jobs WHERE job = ?", (job,))
        return {kind: json.loads(body) for kind, body in rows}

    def folders(self) -> set[str]:
        """The folders in the library that a line names."""
        return {folder for (folder,) in self._db.execute("SELECT folder FROM made")}

    def suspect(self, ids: Iterable[str]) -> None:
        """Note artifacts whose content is not what was recorded; the next run makes them again."""
        self._db.executemany("UPDATE artifacts SET suspect = 1 WHERE id = ?", [(each,) for each in ids])
        self._db.commit()

    def suspect_line(self, job: str, seq: int) -> None:
        """Note what a damaged line of a manifest recorded."""
        self._db.execute(
            "UPDATE artifacts SET suspect = 1 WHERE key IN (SELECT key FROM made WHERE job = ? AND seq = ?)",
            (job, seq),
        )
        self._db.commit()


def _open(path: Path, owned: bool) -> sqlite3.Connection:
    db = _connect(path, owned)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return _with_tables(db)
        if version == VERSION and db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            db.execute("PRAGMA synchronous = NORMAL")
            return db
    except sqlite3.DatabaseError:
        pass
    return _fresh(path, db, owned)


def _fresh(path: Path, db: sqlite3.Connection, owned: bool) -> sqlite3.Connection:
    db.close()
    if not owned:
        return _with_tables(sqlite3.connect(":memory:"))
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _with_tables(_connect(path, owned))


def _connect(path: Path, owned: bool) -> sqlite3.Connection:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(path, timeout=WRITER_PATIENCE if owned else READER_PATIENCE)


def _with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db

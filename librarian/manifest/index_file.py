"""The catalog's file: its tables, made and opened, and made anew where it is damaged."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

from librarian.files import LOG_PAGES, stat_key

VERSION = 14
WRITER_PATIENCE = 60.0
"""How long the writer waits for a reader that brings the index up to date (s)."""
READER_PATIENCE = 5.0
"""How long a reader waits for the writer; then it works with what the index holds (s)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS manifests (job TEXT PRIMARY KEY, bytes INTEGER, lines INTEGER, link TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job TEXT, type TEXT, body TEXT, PRIMARY KEY (job, type)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (key TEXT PRIMARY KEY, job TEXT, seq INTEGER, unit TEXT, folder TEXT,
    start INTEGER, files TEXT, suspect INTEGER DEFAULT 0, job_name TEXT, step TEXT, dropped INTEGER DEFAULT 0,
    by_hand INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS artifacts (id TEXT PRIMARY KEY, key TEXT, output TEXT, item INTEGER, kind TEXT, file TEXT,
    bytes INTEGER, digest TEXT, private INTEGER, facts TEXT, suspect INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS artifacts_by_key ON artifacts (key);
CREATE TABLE IF NOT EXISTS consumed (input TEXT, key TEXT, PRIMARY KEY (input, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS current (job_name TEXT, step TEXT, unit TEXT, outcome TEXT, key TEXT, reason TEXT, job TEXT,
    seq INTEGER, start INTEGER, PRIMARY KEY (job_name, step, unit)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS speeds (machine TEXT, device TEXT, operation TEXT, job_name TEXT, step TEXT, tasks INTEGER,
    seconds REAL, audio REAL, bytes INTEGER, PRIMARY KEY (machine, device, operation, job_name, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (job_name TEXT PRIMARY KEY, mark TEXT, recordings INTEGER,
    counts TEXT, failures TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (unit TEXT, job_name TEXT, step TEXT, reason TEXT, because TEXT, job TEXT,
    PRIMARY KEY (unit, job_name, step, reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (job_name TEXT, step TEXT, unit TEXT, output TEXT, item INTEGER, artifact TEXT,
    key TEXT, machine TEXT, digest TEXT, because TEXT, job TEXT,
    PRIMARY KEY (job_name, step, unit, output, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (unit TEXT PRIMARY KEY, job TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drops (key TEXT PRIMARY KEY, job TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS current_by_unit ON current (unit);
CREATE INDEX IF NOT EXISTS current_by_key ON current (key);
CREATE VIEW IF NOT EXISTS live AS WITH RECURSIVE found AS (
    SELECT * FROM current WHERE outcome IN ('done', 'cached', 'degraded') AND substr(unit, 1, 4) <> 'art_'
    UNION SELECT c.* FROM found f CROSS JOIN artifacts a ON a.key = f.key AND a.item IS NOT NULL CROSS JOIN current c
    ON c.unit = a.id AND +c.job_name = f.job_name AND c.outcome IN ('done', 'cached', 'degraded')) SELECT * FROM found;
CREATE INDEX IF NOT EXISTS revisions_by_artifact ON revisions (artifact);
CREATE VIEW IF NOT EXISTS revised AS SELECT r.*, a.id AS now,
    a.id IS NOT NULL AND (a.id <> r.machine OR a.digest <> r.digest) AS newer,
    r.item = 0 OR (a.id = r.machine AND a.digest = r.digest) AS counts
    FROM revisions r
    LEFT JOIN current c ON c.job_name = r.job_name AND c.step = r.step AND c.unit = r.unit AND
        c.outcome IN ('done', 'cached', 'degraded')
    LEFT JOIN artifacts a ON a.key = c.key AND a.output = r.output AND COALESCE(a.item, 0) = r.item;
"""


def open_index(path: Path, owned: bool) -> sqlite3.Connection:
    """The tables, made where there are none or they are damaged; a reader gets some in memory then."""
    db = _connect(path, owned)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return with_tables(db)
        if version == VERSION and (_was_checked(path) or db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)):
            db.execute("PRAGMA synchronous = NORMAL")
            return db
    except sqlite3.DatabaseError:
        pass
    return fresh(path, db, owned)


def checked(path: Path) -> Path:
    """Where its writer notes how it left an index."""
    return path.with_suffix(".checked")


def stat_of(path: Path) -> list[int]:
    """What is noted of it."""
    return list(stat_key(path.stat()))


def _was_checked(path: Path) -> bool:
    """Whether the file is as its writer left it: a check of all its pages takes longer than most runs."""
    try:
        return bool(json.loads(checked(path).read_bytes()) == stat_of(path))
    except (OSError, ValueError):
        return False


def fresh(path: Path, db: sqlite3.Connection, owned: bool) -> sqlite3.Connection:
    """Empty tables in place of damaged ones; of a reader, in memory."""
    db.close()
    if not owned:
        return with_tables(sqlite3.connect(":memory:"))
    remove(path)
    return with_tables(_connect(path, owned))


def _connect(path: Path, owned: bool) -> sqlite3.Connection:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, timeout=WRITER_PATIENCE if owned else READER_PATIENCE)
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    return db


def with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    """The same with empty tables.

    Raises:
        DatabaseError: none can be made; it is closed then.
    """
    try:
        db.execute("PRAGMA synchronous = OFF")  # nothing is lost with empty tables: a damaged index is made anew
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        db.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def remove(path: Path) -> None:
    """Remove an index with its log."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

"""The vault's file: its tables, made and brought up to date; opened, and never made anew where it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from librarian.errors import EnvironmentFailedError
from librarian.files import LOG_PAGES, room, sync, sync_folder
from librarian.privacy import sealing

VERSION = 5
_SCHEMA = """
CREATE TABLE sightings (path BLOB PRIMARY KEY, recording TEXT, device INTEGER, inode INTEGER, size INTEGER,
    mtime_ns INTEGER, ctime_ns INTEGER, sha256 TEXT, hashed_at_ns INTEGER, first_job TEXT, last_job TEXT) WITHOUT ROWID;
CREATE INDEX sightings_by_recording ON sightings (recording);
CREATE TABLE recordings (id TEXT PRIMARY KEY, sha256 TEXT, facts TEXT) WITHOUT ROWID;
CREATE TABLE texts (digest TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;
CREATE TABLE states (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_LABELS = """
CREATE TABLE IF NOT EXISTS labels (unit TEXT PRIMARY KEY, label TEXT, public INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_by_label ON labels (label);
"""
"""Since version 2."""
_STANDING = "CREATE TABLE IF NOT EXISTS standing (job_file BLOB PRIMARY KEY, note TEXT) WITHOUT ROWID;"
"""Since version 3."""
_SECRETS = """
CREATE TABLE IF NOT EXISTS secrets (key TEXT, output TEXT, unit TEXT, kind TEXT, document TEXT,
    PRIMARY KEY (key, output)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS secrets_by_kind ON secrets (kind, unit);
"""
"""Since version 4."""
_VIEWS = """
CREATE TABLE IF NOT EXISTS views (folder BLOB PRIMARY KEY, options TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS view_links (folder BLOB, link BLOB, target BLOB, PRIMARY KEY (folder, link)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS view_folders (folder BLOB, below BLOB, PRIMARY KEY (folder, below)) WITHOUT ROWID;
"""
"""Since version 5."""
_ADDED = f"{_LABELS} {_STANDING} {_SECRETS} {_VIEWS}"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def open_vault(path: Path, owned: bool) -> sqlite3.Connection:
    """The vault's tables, made where the one writer finds none, and brought up to date.

    Args:
        path: its file.
        owned: whether the caller is the one writer; a reader finds an empty vault where there is none yet.

    Raises:
        EnvironmentFailedError: it is damaged, or cannot be opened. It is never made anew: it cannot be rebuilt.
        RefusedError: it is sealed, and the passphrase is another one.
    """
    if owned and path.exists():
        sealing.remove_left(path)
    if sealing.is_sealed(path):
        return _open_sealed(path)
    try:
        if owned and not path.exists():
            _make(path)
        return _open(path, owned)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", _DAMAGED[0]) not in _DAMAGED:
            raise EnvironmentFailedError(
                f".librarian/vault.db cannot be opened: {error}, {room(path)}; mend it and type the same again"
            ) from None
        raise EnvironmentFailedError(
            ".librarian/vault.db is damaged; restore it from your backup (names are kept nowhere else)"
        ) from None


def _open_sealed(path: Path) -> sqlite3.Connection:
    db = sealing.connect(path, sealing.passphrase_of(path))
    try:
        _prepare(db, db.execute("PRAGMA user_version").fetchone()[0])
    except (sealing.module().DatabaseError, sqlite3.DatabaseError) as error:
        db.close()
        raise EnvironmentFailedError(
            f".librarian/vault.db cannot be used: {error}, {room(path)}; mend it, or restore it from your backup"
        ) from None
    except EnvironmentFailedError:
        db.close()
        raise
    return db


def _open(path: Path, owned: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path if path.exists() else ":memory:")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0 and not owned:
            db.close()
            db = sqlite3.connect(":memory:")
        _prepare(db, version)
        if owned:
            _use_log(db)
    except (sqlite3.DatabaseError, EnvironmentFailedError):
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, version: int) -> None:
    db.execute("PRAGMA secure_delete = ON")
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    db.execute("PRAGMA synchronous = NORMAL")  # a commit is made durable by itself, or with what else is
    if version == 0:
        _make_tables(db)
    elif version not in range(1, VERSION + 1):
        raise EnvironmentFailedError(".librarian/vault.db is of a newer version; upgrade librarian-media")
    elif db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("damaged")
    elif version < VERSION:
        db.executescript(f"BEGIN IMMEDIATE; {_ADDED} PRAGMA user_version = {VERSION}; COMMIT;")


def _use_log(db: sqlite3.Connection) -> None:
    """Have changes go to a log first. Where the disk refuses that, SQLite raises nothing and keeps what it had."""
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] not in ("wal", "memory"):
        error = sqlite3.OperationalError("its log cannot be made")
        error.sqlite_errorname = "SQLITE_IOERR"
        raise error


def _make_tables(db: sqlite3.Connection) -> None:
    _use_log(db)
    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_ADDED} PRAGMA user_version = {VERSION}; COMMIT;")


def _make(path: Path) -> None:
    """An empty vault: made aside and made durable once, so that a crash leaves a whole one or none."""
    aside = path.with_name(f"{path.name}.new")
    sealing.remove_left(path)
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(aside)) as db:
        db.execute("PRAGMA synchronous = OFF")
        _make_tables(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # at the end it would be tried too, and a failure not be said
    sync(aside)
    os.replace(aside, path)
    sync_folder(path.parent)

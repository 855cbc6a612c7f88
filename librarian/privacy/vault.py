"""The vault: the only place where names, paths, free text of settings and plain digests of recordings are kept."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.errors import EnvironmentFailedError
from librarian.files import LOG_PAGES, room, sync, sync_folder

VERSION = 5
RACY_NS = 2_000_000_000
"""A file that changed less than this before it was hashed may have changed again within one clock step."""
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
StatKey = tuple[int, int, int, int, int]
"""device, inode, size, mtime, ctime (ns)."""


@dataclass(frozen=True)
class Seen:
    """A sighting that the vault knows. `racy`: the file may have changed since, although its stat has not."""

    recording: str
    sha256: str
    racy: bool = False


@dataclass(frozen=True)
class View:
    """A folder of links: what it shows, link → target, and the folders below it that were made for them."""

    options: str
    links: dict[str, str]
    folders: set[str]


class Vault:
    """The vault, open.

    Args:
        path: its file.
        owned: whether the caller is the one writer; a reader finds an empty vault where there is none yet.

    Raises:
        EnvironmentFailedError: it is damaged, or cannot be opened. It is never made anew: it cannot be rebuilt.
    """

    def __init__(self, path: Path, *, owned: bool) -> None:
        try:
            if owned and not path.exists():
                _make(path)
            self._db = _open(path, owned)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", _DAMAGED[0]) not in _DAMAGED:
                raise EnvironmentFailedError(
                    f".librarian/vault.db cannot be opened: {error}, {room(path)}; mend it and type the same again"
                ) from None
            raise EnvironmentFailedError(
                ".librarian/vault.db is damaged; restore it from your backup (names are kept nowhere else)"
            ) from None

        self._path, self._is_synced = path, True
        self._has_states = self._db.execute("SELECT 1 FROM states LIMIT 1").fetchone() is not None

    def close(self) -> None:
        """Close the vault."""
        self._db.close()

    def commit(self, *, durable: bool = True) -> None:
        """Commit what was put in since last time.

        Args:
            durable: and wait until it is on disk; otherwise the next commit does, or whoever makes its file system
                durable.
        """
        if self._db.in_transaction:
            self._db.commit()
            self._is_synced = False
        if durable and not self._is_synced:
            sync(f"{self._path}-wal")
            self._is_synced = True

    def seen(self, path: Path | str, stat_key: StatKey) -> Seen | None:
        """What is known of a file whose stat has not changed; None where it is new or did change."""
        return self.seen_all([(path, stat_key)])[0]

    def seen_all(self, files: Sequence[tuple[Path | str, StatKey]]) -> list[Seen | None]:
        """What is known of each of some files; None where one is new or did change. A few hundred at a time."""
        names = [os.fsencode(path) for path, _ in files]
        rows = self._db.execute(
            "SELECT path, recording, sha256, hashed_at_ns, device, inode, size, mtime_ns, ctime_ns "
            f"FROM sightings WHERE path IN ({','.join('?' * len(names))})",
            names,
        )
        known = {row[0]: row[1:] for row in rows}
        return [_as_seen(known.get(name), stat_key) for name, (_, stat_key) in zip(names, files, strict=True)]

    def has_racy(self) -> bool:
        """Whether any file may have changed since it was hashed although its stat has not."""
        racy = "SELECT 1 FROM sightings WHERE hashed_at_ns - max(mtime_ns, ctime_ns) < ? LIMIT 1"
        return self._db.execute(racy, (RACY_NS,)).fetchone() is not None

    def recording_at(self, path: Path | str) -> str | None:
        """The recording that was last seen at a path."""
        row = self._db.execute("SELECT recording FROM sightings WHERE path = ?", (os.fsencode(path),)).fetchone()
        return row[0] if row else None

    def called(self, name: str) -> list[str]:
        """The recordings last seen at a path that ends with `name`, whichever way its accents are written."""
        forms = {name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))}
        found: set[str] = set()
        for form in forms:
            end = b"/" + os.fsencode(form).lstrip(b"/")
            rows = self._db.execute("SELECT recording FROM sightings WHERE substr(path, ?) = ?", (-len(end), end))
            found |= {recording for (recording,) in rows}
        return sorted(found)

    def sightings(self, recording: str) -> list[Path]:
        """The paths at which a recording was last seen."""
        rows = self._db.execute("SELECT path FROM sightings WHERE recording = ? ORDER BY path", (recording,))
        return [Path(os.fsdecode(path)) for (path,) in rows]

    def text(self, digest: str) -> str | None:
        """The free text that a keyed digest in a record stands for."""
        row = self._db.execute("SELECT text FROM texts WHERE digest = ?", (digest,)).fetchone()
        return str(row[0]) if row else None

    def sight(self, path: Path | str, stat_key: StatKey, seen: Seen, *, hashed_at_ns: int, job: str) -> None:
        """Note where a recording was seen."""
        self._db.execute(
            "INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            "recording = excluded.recording, device = excluded.device, inode = excluded.inode, size = excluded.size, "
            "mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, sha256 = excluded.sha256, "
            "hashed_at_ns = excluded.hashed_at_ns, last_job = excluded.last_job",
            (os.fsencode(path), seen.recording, *_signed(stat_key), seen.sha256, hashed_at_ns, job, job),
        )
        self._db.execute("INSERT OR IGNORE INTO recordings VALUES (?, ?, NULL)", (seen.recording, seen.sha256))

    def facts(self, recording: str) -> dict[str, Any] | None:
        """What a probe found in a recording; None where it has not been probed."""
        row = self._db.execute("SELECT facts FROM recordings WHERE id = ?", (recording,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def lengths(self) -> dict[str, float]:
        """Recording → seconds of sound, of all that were probed."""
        return dict(
            self._db.execute("SELECT id, json_extract(facts, '$.seconds') FROM recordings WHERE facts NOT NULL")
        )

    def note_facts(self, recording: str, facts: dict[str, Any]) -> None:
        """Keep what a probe found."""
        self._db.execute("UPDATE recordings SET facts = ? WHERE id = ?", (json.dumps(facts), recording))

    def note_label(self, unit: str, label: str, *, public: bool) -> None:
        """Note what the owner calls a recording or a group."""
        if self.label(unit) != (label, public):
            self._db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (unit, label, public))

    def label(self, unit: str) -> tuple[str, bool]:
        """What the owner calls a recording or a group, and whether that may be shown; empty where nothing."""
        row = self._db.execute("SELECT label, public FROM labels WHERE unit = ?", (unit,)).fetchone()
        return (row[0], bool(row[1])) if row else ("", False)

    def labeled(self, label: str) -> list[str]:
        """The recordings and groups that the owner calls so, however it is typed: as names of files are read."""
        label = unicodedata.normalize("NFC", label.encode(errors="replace").decode())
        return [unit for (unit,) in self._db.execute("SELECT unit FROM labels WHERE label = ? ORDER BY 1", (label,))]

    def labels(self) -> Iterator[tuple[str, str]]:
        """What the owner calls recordings and groups."""
        yield from self._db.execute("SELECT unit, label FROM labels ORDER BY unit")

    def public_labels(self) -> list[str]:
        """Every label that may be shown."""
        return [label for (label,) in self._db.execute("SELECT DISTINCT label FROM labels WHERE public")]

    def note_text(self, digest: str, text: str) -> None:
        """Keep the free text that a keyed digest in a record stands for."""
        self._db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (digest, text))

    def state(self, task_key: str) -> dict[str, Any]:
        """What an earlier attempt at a task saved."""
        if not self._has_states:
            return {}
        row = self._db.execute("SELECT value FROM states WHERE key = ?", (task_key,)).fetchone()
        return json.loads(row[0]) if row else {}

    def save_state(self, task_key: str, value: dict[str, Any]) -> None:
        """Keep a task's state, durably, until the task is done."""
        self._db.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (task_key, json.dumps(value)))
        self.commit()
        self._has_states = True

    def drop_states(self, task_keys: Iterable[str]) -> None:
        """Forget what tasks saved."""
        if self._has_states:
            self._db.executemany("DELETE FROM states WHERE key = ?", [(key,) for key in task_keys])

    def note_secret(self, task_key: str, output: str, unit: str, kind: str, document: str) -> None:
        """Keep what a task found out and no file may hold; it counts once the task's line is written."""
        row = (task_key, output, unit, kind, document)
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?)", row)

    def secrets(self, kind: str) -> Iterator[tuple[str, str]]:
        """All of a kind: unit and JSON document."""
        yield from self._db.execute("SELECT unit, document FROM secrets WHERE kind = ? ORDER BY unit, key", (kind,))

    def note_standing(self, job_file: Path, note: str) -> None:
        """Keep what the last run of a job file hung on."""
        self._db.execute("INSERT OR REPLACE INTO standing VALUES (?, ?)", (os.fsencode(job_file), note))

    def standing(self, job_file: Path) -> str | None:
        """What the last run of a job file hung on."""
        row = self._db.execute("SELECT note FROM standing WHERE job_file = ?", (os.fsencode(job_file),)).fetchone()
        return str(row[0]) if row else None

    def views(self) -> list[Path]:
        """The folders of links."""
        return [Path(os.fsdecode(each)) for (each,) in self._db.execute("SELECT folder FROM views ORDER BY folder")]

    def view(self, folder: Path) -> View | None:
        """A folder of links, as it was left; None where it is none."""
        of = (os.fsencode(folder),)
        row = self._db.execute("SELECT options FROM views WHERE folder = ?", of).fetchone()
        if row is None:
            return None
        links = self._db.execute("SELECT link, target FROM view_links WHERE folder = ?", of)
        below = self._db.execute("SELECT below FROM view_folders WHERE folder = ?", of)
        named = {os.fsdecode(link): os.fsdecode(target) for link, target in links}
        return View(row[0], named, {os.fsdecode(each) for (each,) in below})

    def note_view(self, folder: Path, options: str, *, more: Mapping[str, str], less: Iterable[str]) -> None:
        """Note what a folder of links shows, links that come to it or lead elsewhere, and links that go."""
        of = os.fsencode(folder)
        self._db.execute("INSERT OR REPLACE INTO views VALUES (?, ?)", (of, options))
        gone = ((of, os.fsencode(link)) for link in less)
        self._db.executemany("DELETE FROM view_links WHERE folder = ? AND link = ?", gone)
        come = ((of, os.fsencode(link), os.fsencode(target)) for link, target in more.items())
        self._db.executemany("INSERT OR REPLACE INTO view_links VALUES (?, ?, ?)", come)

    def note_view_folders(self, folder: Path, below: Iterable[str]) -> None:
        """Note the folders that were made for links."""
        of = os.fsencode(folder)
        self._db.execute("DELETE FROM view_folders WHERE folder = ?", (of,))
        rows = ((of, os.fsencode(each)) for each in below)
        self._db.executemany("INSERT INTO view_folders VALUES (?, ?)", rows)

    def drop_view(self, folder: Path) -> None:
        """Take a folder of links off the list."""
        for table in ("views", "view_links", "view_folders"):
            self._db.execute(f"DELETE FROM {table} WHERE folder = ?", (os.fsencode(folder),))

    def places(self) -> dict[str, list[str]]:
        """Recording → the paths at which it was last seen; of several those that are there, where any is."""
        found: dict[str, list[str]] = {}
        for recording, path in self._db.execute("SELECT recording, path FROM sightings ORDER BY path"):
            found.setdefault(recording, []).append(os.fsdecode(path))
        for paths in found.values():
            if len(paths) > 1:
                paths[:] = [each for each in paths if os.path.exists(each)] or paths
        return found

    def paths(self) -> Iterator[Path]:
        """Every path at which a recording was ever seen."""
        for (path,) in self._db.execute("SELECT path FROM sightings"):
            yield Path(os.fsdecode(path))


def _as_seen(row: tuple[Any, ...] | None, stat_key: StatKey) -> Seen | None:
    if row is None or row[3:] != _signed(stat_key):
        return None
    return Seen(row[0], row[1], racy=row[2] - max(stat_key[3:]) < RACY_NS)


def _signed(stat_key: StatKey) -> StatKey:
    # SQLite's integers have a sign; some file systems use all 64 bits for an inode.
    device, inode, size, mtime_ns, ctime_ns = stat_key
    return (device - (device >> 63 << 64), inode - (inode >> 63 << 64), size, mtime_ns, ctime_ns)


def _open(path: Path, owned: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path if path.exists() else ":memory:")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0 and not owned:
            db.close()
            db = sqlite3.connect(":memory:")
        _prepare(db, version)
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


def _make_tables(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_ADDED} PRAGMA user_version = {VERSION}; COMMIT;")


def _make(path: Path) -> None:
    """An empty vault: made aside and made durable once, so that a crash leaves a whole one or none."""
    aside = path.with_name(f"{path.name}.new")
    for left in path.parent.glob(f"{aside.name}*"):
        left.unlink()
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(aside)) as db:
        db.execute("PRAGMA synchronous = OFF")
        _make_tables(db)
    sync(aside)
    os.replace(aside, path)
    sync_folder(path.parent)

"""The vault: the only place where names, paths, free text of settings and plain digests of recordings are kept."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.errors import EnvironmentFailedError
from librarian.files import sync
from librarian.privacy.vault_file import open_vault

RACY_NS = 2_000_000_000
"""A file that changed less than this before it was hashed may have changed again within one clock step."""
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
        self._db = open_vault(path, owned)
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

    def facts(self, recording: str) -> dict[str, Any] | None:
        """What a probe found in a recording; None where it has not been probed."""
        row = self._db.execute("SELECT facts FROM recordings WHERE id = ?", (recording,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def lengths(self) -> dict[str, float]:
        """Recording → seconds of sound, of all that were probed."""
        return dict(
            self._db.execute("SELECT id, json_extract(facts, '$.seconds') FROM recordings WHERE facts NOT NULL")
        )

    def dates(self) -> dict[str, float]:
        """Recording → when its file was last written, as it was last seen (s since 1970); of copies, the earliest."""
        rows = self._db.execute("SELECT recording, min(mtime_ns) FROM sightings GROUP BY recording")
        return {recording: written / 1e9 for recording, written in rows}

    def note_facts(self, recording: str, facts: dict[str, Any]) -> None:
        """Keep what a probe found."""
        noted = "INSERT INTO recordings (id, facts) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET facts = excluded.facts"
        self._db.execute(noted, (recording, json.dumps(facts)))

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

    def free_texts(self) -> Iterator[str]:
        """Every label and every free text of settings."""
        for (text,) in self._db.execute("SELECT label FROM labels UNION SELECT text FROM texts"):
            yield str(text)

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

    def secrets(self, kind: str) -> Iterator[tuple[str, str, str]]:
        """All of a kind: task key, unit and JSON document."""
        rows = "SELECT key, unit, document FROM secrets WHERE kind = ? ORDER BY unit, key"
        yield from self._db.execute(rows, (kind,))

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

    def forget(self, units: Iterable[str]) -> None:
        """Take out everything about recordings and groups, and what runs and tasks noted that may be about them."""
        of = [(unit,) for unit in units]
        self._db.executemany("DELETE FROM sightings WHERE recording = ?", of)
        self._db.executemany("DELETE FROM recordings WHERE id = ?", of)
        self._db.executemany("DELETE FROM labels WHERE unit = ?", of)
        self._db.executemany("DELETE FROM secrets WHERE unit = ?", of)
        self._db.execute("DELETE FROM states")
        self._db.execute("DELETE FROM standing")
        self._has_states = False

    def keep_only(self, texts: Collection[str], keys: Collection[str]) -> None:
        """Take out free texts and secrets that no record uses.

        Args:
            texts: keyed digests of texts that a record uses.
            keys: task keys that a record tells of.
        """
        for table, column, used in (("texts", "digest", texts), ("secrets", "key", keys)):
            held = [each for (each,) in self._db.execute(f"SELECT DISTINCT {column} FROM {table}")]
            unused = [(each,) for each in held if each not in used]
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", unused)

    def clean(self) -> None:
        """Commit, and leave no page, used or free, that holds what was taken out.

        Raises:
            EnvironmentFailedError: another command reads it meanwhile.
        """
        self.commit()
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute("VACUUM")
        if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise EnvironmentFailedError(
                ".librarian/vault.db is being read by another command; once that has ended, type the same again"
            )
        sync(self._path)

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

"""words.db: the full-text index over transcripts. As private as these, made from them alone, and made anew if damaged.

One process has it open at a time: who holds the lock beside it. Its text is cut by `tokens` before SQLite sees it, so
that for FTS5 a token is what stands between two spaces.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

from librarian.errors import EnvironmentFailedError
from librarian.files import sync, sync_folder
from librarian.find.transcript import Channel, Transcript
from librarian.project import locked

VERSION = 1
APPLICATION = 0x776F7264
"""Tells this file from other databases: "word"."""
MOST_CHANNELS = 1024
_TABLES = frozenset({"transcripts", "said", "tokens", "cut_by"})
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE transcripts (number INTEGER PRIMARY KEY, artifact TEXT UNIQUE, digest TEXT, language TEXT);
CREATE TABLE said (id INTEGER PRIMARY KEY, channel BLOB);
CREATE VIRTUAL TABLE tokens USING fts5 (text, tokenize = 'ascii', columnsize = 0);
CREATE TABLE cut_by (unicode TEXT);
INSERT INTO cut_by VALUES ('{unicodedata.unidata_version}');
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""
Answer = TypeVar("Answer")


class DamagedError(Exception):
    """The file is none of ours, or not as it was left."""


class WordIndex:
    """The index, open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def held(self) -> dict[str, tuple[int, str]]:
        """Artifact → its number here, and the digest of what was read of it."""
        rows = self._db.execute("SELECT artifact, number, digest FROM transcripts")
        return {artifact: (number, digest) for artifact, number, digest in rows}

    def add(self, artifact: str, digest: str, transcript: Transcript) -> None:
        """Take in a transcript."""
        values = (artifact, digest, transcript.language)
        number = self._db.execute(
            "INSERT INTO transcripts (artifact, digest, language) VALUES (?, ?, ?)", values
        ).lastrowid
        for channel, each in enumerate(transcript.channels[:MOST_CHANNELS], int(number or 0) * MOST_CHANNELS):
            self._db.execute("INSERT INTO said VALUES (?, ?)", (channel, each.packed()))
            self._db.execute("INSERT INTO tokens (rowid, text) VALUES (?, ?)", (channel, each.tokens))

    def drop(self, number: int) -> None:
        """Take out a transcript."""
        channels = range(number * MOST_CHANNELS, (number + 1) * MOST_CHANNELS)
        self._db.execute("DELETE FROM tokens WHERE rowid BETWEEN ? AND ?", (channels[0], channels[-1]))
        self._db.execute("DELETE FROM said WHERE id BETWEEN ? AND ?", (channels[0], channels[-1]))
        self._db.execute("DELETE FROM transcripts WHERE number = ?", (number,))

    def commit(self) -> None:
        """Keep what was changed."""
        self._db.commit()

    def holding(self, expression: str) -> set[int]:
        """The numbers of the transcripts of which FTS5 says that they hold something."""
        rows = self._db.execute("SELECT rowid FROM tokens WHERE tokens MATCH ?", (expression,))
        return {channel // MOST_CHANNELS for (channel,) in rows}

    def languages(self) -> dict[int, str]:
        """Number of a transcript → its language."""
        return dict(self._db.execute("SELECT number, language FROM transcripts"))

    def channels(self, number: int) -> Iterator[Channel]:
        """What was said in a transcript."""
        first = number * MOST_CHANNELS
        rows = self._db.execute(
            "SELECT channel FROM said WHERE id BETWEEN ? AND ? ORDER BY id", (first, first + MOST_CHANNELS - 1)
        )
        for (content,) in rows:
            try:
                yield Channel.unpacked(content)
            except (zlib.error, ValueError, TypeError):
                raise DamagedError from None


def with_index(path: Path, work: Callable[[WordIndex], Answer], say: Callable[[str], None]) -> Answer:
    """Do something with the index, which is made where there is none, and made anew where it turns out to be damaged.

    Args:
        path: its file.
        work: is given the index; once more, where it was damaged.
        say: told whom is waited for, and that it was damaged.

    Raises:
        EnvironmentFailedError: this SQLite has no FTS5.
        OSError: it cannot be made.
        sqlite3.Error: the disk is full, and the like.
    """
    with locked(_lock(path), lambda holder: say("waiting for another command that has .librarian/words.db open")):
        _remove(_aside(path))
        try:
            return _work(path, work)
        except (DamagedError, sqlite3.DatabaseError) as error:
            if not _is_damage(error):
                raise
        say(".librarian/words.db is damaged or of another version; it is made anew from the transcripts")
        _remove(path)
        return _work(path, work)


def _work(path: Path, work: Callable[[WordIndex], Answer]) -> Answer:
    with contextlib.closing(_opened(path)) as db:
        return work(WordIndex(db))


def _lock(path: Path) -> Path:
    return path.with_suffix(".lock")


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_damage(error: Exception) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return not isinstance(error, sqlite3.Error) or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _opened(path: Path) -> sqlite3.Connection:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(handle, 0o600)
        is_new = os.fstat(handle).st_size == 0
    finally:
        os.close(handle)
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")  # what is private goes to no other folder
        if is_new:
            _make(db)
        _check(db)
    except BaseException:
        db.close()
        raise
    return db


def _make(db: sqlite3.Connection) -> None:
    try:
        db.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        if "fts5" not in str(error):
            raise
        raise EnvironmentFailedError(
            "SQLite of this Python has no FTS5, which words are looked for with; take a Python that has, such as "
            "python.org's or your system's"
        ) from None


def _check(db: sqlite3.Connection) -> None:
    marks = [db.execute(f"PRAGMA {each}").fetchone()[0] for each in ("application_id", "user_version")]
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if marks != [APPLICATION, VERSION] or not there >= _TABLES:
        raise DamagedError
    if db.execute("SELECT unicode FROM cut_by").fetchall() != [(unicodedata.unidata_version,)]:
        raise DamagedError  # another Python cuts other tokens


def purge(path: Path, artifacts: Collection[str]) -> None:
    """Take transcripts out for good: no page of the file, used or free, holds anything of them.

    Nor of any that were taken out before. The caller has removed them from the library.

    Args:
        path: the index; nothing is done where there is none.
        artifacts: their ids.

    Raises:
        OSError: the disk failed.
        sqlite3.Error: likewise.
    """
    with locked(_lock(path)):
        _remove(_aside(path))
        if not path.exists():
            return
        try:
            with contextlib.closing(_opened(path)) as db:
                _take_out(WordIndex(db), artifacts)
                db.execute("INSERT INTO tokens (tokens) VALUES ('optimize')")  # or marks are kept of what was deleted
                db.commit()
                os.close(os.open(_aside(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
                db.execute("VACUUM INTO ?", (os.fspath(_aside(path)),))
        except (DamagedError, sqlite3.DatabaseError) as error:
            if not _is_damage(error):
                raise
            _remove(_aside(path))
            _remove(path)
        else:
            sync(_aside(path))
            os.replace(_aside(path), path)
        sync_folder(path.parent)


def _take_out(words: WordIndex, artifacts: Collection[str]) -> None:
    held = words.held()
    for each in artifacts:
        if each in held:
            words.drop(held[each][0])
    words.commit()

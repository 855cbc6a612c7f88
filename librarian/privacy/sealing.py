"""A vault that is sealed with a passphrase: SQLCipher encrypts every page of its file and of its write-ahead log.

SQLCipher (through sqlcipher3) is loaded where a vault is sealed, and nowhere else. What it does (4.x): AES-256 in CBC
mode with an HMAC-SHA512 a page, keys by PBKDF2-HMAC-SHA512 with 256,000 rounds and a salt of the file's own. Temporary
tables stay in memory. A plain vault begins as every SQLite file does, a sealed one with its salt: nothing else tells
them apart.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from librarian.errors import EnvironmentFailedError, MissingError, RefusedError
from librarian.files import sync, sync_folder

SHORTEST = 12
"""Characters of a passphrase at least: whoever has the file can try as many as he likes."""
_MAGIC = b"SQLite format 3\0"
_PAGE = 4096
_ASKED: dict[str, str] = {}
_SOURCES: dict[str, Callable[[], str]] = {}


def is_sealed(path: Path) -> bool:
    """Whether a vault is sealed: whole pages, and no SQLite file."""
    try:
        with open(path, "rb") as file:
            begins, size = file.read(len(_MAGIC)), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return False
    return bool(begins) and begins != _MAGIC and size % _PAGE == 0


def ask_with(path: Path, source: Callable[[], str]) -> None:
    """Say how the passphrase of a vault is found out; it is asked for when it is needed, once in this process."""
    _SOURCES[os.path.realpath(path)] = source


def was_asked(path: Path) -> bool:
    """Whether the passphrase of a vault is known: nobody is asked for it any more."""
    return os.path.realpath(path) in _ASKED


def passphrase_of(path: Path) -> str:
    """The passphrase of a sealed vault.

    Raises:
        RefusedError: there is none.
    """
    place = os.path.realpath(path)
    if place not in _ASKED:
        source = _SOURCES.get(place)
        if source is None:
            raise RefusedError("the vault is sealed, and nobody was asked for its passphrase")
        _ASKED[place] = source()
    return _ASKED[place]


def connect(path: Path, passphrase: str) -> sqlite3.Connection:
    """A sealed vault, open.

    Raises:
        RefusedError: the passphrase is another one.
        MissingError: sqlcipher3 is not installed.
    """
    db = _connect(path)
    try:
        db.execute(f"PRAGMA key = {_quoted(passphrase)}")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except module().DatabaseError as error:
        db.close()
        if getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB":
            raise
        raise RefusedError(
            "that is not the passphrase of this vault (or .librarian/vault.db is damaged: restore it from your backup)"
        ) from None
    return db


def seal(path: Path, passphrase: str) -> None:
    """Seal a plain vault. A crash leaves it as it was, or sealed.

    The caller is the one writer, and has it open nowhere in this process: two SQLite libraries share no locks.

    Raises:
        RefusedError: the passphrase is too short, or it is sealed already.
        EnvironmentFailedError: another command reads it meanwhile.
        MissingError: sqlcipher3 is not installed.
        OSError: the disk failed; the vault is as it was.
    """
    if is_sealed(path):
        raise RefusedError("the vault is sealed already; for another passphrase unseal it first")
    if len(passphrase) < SHORTEST:
        raise RefusedError(f"a passphrase has at least {SHORTEST} characters; take some words that nobody would guess")
    _convert(path, _connect(path), passphrase)
    _ASKED[os.path.realpath(path)] = passphrase


def unseal(path: Path) -> None:
    """Make a sealed vault a plain one. The caller is the one writer. A crash leaves it as it was, or plain.

    Raises:
        RefusedError: it is not sealed, or the passphrase is another one.
        EnvironmentFailedError: another command reads it meanwhile.
        OSError: the disk failed; the vault is as it was.
    """
    if not is_sealed(path):
        raise RefusedError("the vault is not sealed")
    _convert(path, connect(path, passphrase_of(path)), "")


def remove_left(path: Path) -> None:
    """Remove what one who was cut off left beside a vault: it may be plain."""
    for left in path.parent.glob(f"{path.name}.new*"):
        left.unlink()


def _convert(path: Path, db: sqlite3.Connection, passphrase: str) -> None:
    """Copy a vault aside under another passphrase (none where it is empty), and put the copy into its place."""
    aside = path.with_name(f"{path.name}.new")
    remove_left(path)
    try:
        with contextlib.closing(db):
            (version,) = db.execute("PRAGMA user_version").fetchone()
            _be_alone(db)
            os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            db.execute("ATTACH DATABASE ? AS copy KEY ?", (os.fspath(aside), passphrase))
            db.execute("SELECT sqlcipher_export('copy')").fetchall()
            db.execute(f"PRAGMA copy.user_version = {int(version)}")
            db.execute("DETACH DATABASE copy")
            _finish(aside, passphrase)
            os.replace(aside, path)  # while nobody else can open the one before
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_left(path)
        raise


def _be_alone(db: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the file, and keep everybody else from opening it.

    Raises:
        EnvironmentFailedError: somebody has it open.
    """
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
        db.execute("BEGIN EXCLUSIVE")
        db.rollback()
    except module().OperationalError:
        mode = "busy"
    if mode != "delete":
        raise EnvironmentFailedError(
            ".librarian/vault.db is being read by another command; once that has ended, type the same again"
        )


def _finish(aside: Path, passphrase: str) -> None:
    """Give a copy a write-ahead log, as every vault has, and make it durable."""
    with contextlib.closing(connect(aside, passphrase) if passphrase else _connect(aside)) as copy:
        copy.execute("PRAGMA journal_mode = WAL")
        if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise EnvironmentFailedError("the copy of the vault is not whole; nothing was changed: type the same again")
    sync(aside)


def _connect(path: Path) -> sqlite3.Connection:
    db = cast(sqlite3.Connection, module().connect(os.fspath(path)))
    db.execute("PRAGMA cipher_log_level = NONE")  # it says on stderr what is an exception here
    return db


def module() -> Any:
    """`sqlcipher3.dbapi2`: like sqlite3, with errors of its own.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import sqlcipher3.dbapi2
    except ImportError:
        raise MissingError("a sealed vault needs sqlcipher3; type: pip install 'librarian-media[seal]'") from None
    return sqlcipher3.dbapi2


def _quoted(passphrase: str) -> str:
    """A text of SQL: a PRAGMA takes no parameters."""
    return "'" + passphrase.replace("'", "''") + "'"


def plain(passphrase: str) -> str:
    """A passphrase in its one form, however a keyboard writes its accents."""
    return unicodedata.normalize("NFC", passphrase)

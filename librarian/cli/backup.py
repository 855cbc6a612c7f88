"""Whether a backup holds what nothing can re-make: the keys and the vault. It is known only where it was looked at."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from librarian.keys import KEY_VARIABLE
from librarian.privacy.sealing import is_sealed
from librarian.project import STATE, Project

_NOTE = "backup-checked"
"""A file in .librarian/, empty: when a backup was last found good."""
_PATIENCE = 5.0
"""Seconds that one waits for somebody who writes the vault."""


def irreplaceable(project: Project) -> str:
    """What of a project has to be in a backup, in words."""
    files = [path.name for path in _key_files(project)]
    keys = [KEY_VARIABLE] * ("id" not in files) + [f"{STATE}/keys"] * bool(files)
    return f"{', '.join(keys)} and {STATE}/vault.db"


def checked_on(project: Project) -> datetime | None:
    """When a backup was last found good; None where it never was, or the keys have changed since."""
    with contextlib.suppress(FileNotFoundError):
        when = (project.state / _NOTE).stat().st_mtime
        if all(path.stat().st_mtime <= when for path in _key_files(project)):
            return datetime.fromtimestamp(when, UTC)
    return None


def fault_of(project: Project, folder: Path) -> str:
    """What is wrong with a backup; empty where it holds all, which is noted then."""
    place = folder / STATE if (folder / STATE).is_dir() else folder
    if os.path.samefile(place, project.state):
        return "that is the project itself; name the folder of the copy"
    for path in _key_files(project):
        copy = place / "keys" / path.name
        if not copy.is_file():
            return f"keys/{path.name} is not in it"
        if copy.read_text().strip() != path.read_text().strip():
            return f"its keys/{path.name} is not this project's"
    if fault := _vault_fault(project, place / "vault.db"):
        return fault
    note = os.open(project.state / _NOTE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.utime(note)
    os.close(note)
    return ""


def _vault_fault(project: Project, copy: Path) -> str:
    if not project.vault.exists():
        return ""
    if not copy.is_file():
        return "vault.db is not in it"
    if is_sealed(project.vault):  # what a sealed one holds, nobody sees without the passphrase
        return "" if is_sealed(copy) else "its vault.db is not sealed, as this project's is; copy it anew"
    return "" if _sound(copy, "mode=ro&immutable=1") else "its vault.db is damaged"


def is_damaged(vault: Path) -> bool:
    """Whether a project's own vault cannot be read; what a sealed one holds, nobody sees without the passphrase."""
    return not is_sealed(vault) and not _sound(vault, "mode=ro")


def _key_files(project: Project) -> list[Path]:
    return [path for name in ("id", "pseudonym") if (path := project.state / "keys" / name).exists()]


def _sound(vault: Path, way: str) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(os.fspath(vault))}?{way}", _PATIENCE, uri=True)) as db:
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sightings'").fetchone()
            return bool(tables) and db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorname == "SQLITE_BUSY"  # somebody writes: nothing tells that it is damaged

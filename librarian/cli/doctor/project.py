"""The project: its keys and who can read them, its backup, its disk, its lock, its record and the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from librarian import project as projects
from librarian.cli.backup import checked_on, fault_of, irreplaceable, is_damaged
from librarian.cli.doctor.disk import free_in, place, tried
from librarian.cli.doctor.finding import ENVIRONMENT, PRIVACY, Finding, fail, ok, warn
from librarian.cli.doctor.holders import holders
from librarian.cli.recorded import day
from librarian.cli.status import read_status, status_path
from librarian.cli.words import duration, plural
from librarian.manifest.agreement import agreement
from librarian.manifest.journal import manifests
from librarian.project import Project
from librarian.ulid import time_of

LITTLE_ROOM = 5 << 30
_CLOCK_SECONDS = 5.0
"""By which clocks may differ: a recording that changed within the last minute waits for the next run."""


def findings(named: Path | None, backup: Path | None) -> Iterator[Finding]:
    """All of it; where there is no project, that.

    Args:
        named: the folder that was given.
        backup: a folder that should hold a backup.

    Raises:
        LibrarianError: it cannot be opened.
    """
    root = projects.find(named)
    if root is None:
        yield ok("project", "none here or above; make one with: librarian init")
        return
    yield place(root / projects.STATE)
    project = projects.load(root)
    yield ok("project", "found, its keys fit")
    yield _secrets(project)
    yield from _vault(project)
    yield _backup(project, backup)
    yield free_in("disk", project.state, "where .librarian lies", LITTLE_ROOM, "make room")
    yield free_in("disk", project.library, "where the library lies", LITTLE_ROOM, "make room")
    yield _lock(project)
    yield _record(project)
    yield _clock(project)


def _secrets(project: Project) -> Finding:
    kept = (project.vault, project.words, project.catalog, *(project.state / "keys").glob("*"))
    files = [path for path in kept if path.exists()]
    folders = [path for path in (project.state, project.state / "keys") if path.exists()]
    if open_ones := [path for path in (*files, *folders) if path.stat().st_mode & 0o077]:
        remedy = "chmod -R go= .librarian"
        return fail("secrets", f"{plural(len(open_ones), 'file')} can be read by others: {remedy}", PRIVACY)
    if any(path.stat().st_uid != os.getuid() for path in (*files, *folders)):
        return fail("secrets", "keys or vault belong to another user: chown -R yourself .librarian", PRIVACY)
    return ok("secrets", "keys, vault and words are their owner's alone")


def _vault(project: Project) -> Iterator[Finding]:
    """What is wrong with the vault; nothing where it is as it should be, or nothing has run yet."""
    there = project.vault.exists()
    if (there and is_damaged(project.vault)) or (not there and any(manifests(project.manifests))):
        what = "damaged" if there else "not there"
        text = f".librarian/vault.db is {what}; restore it from your backup (names are kept nowhere else)"
        yield fail("vault", text, ENVIRONMENT)


def _backup(project: Project, folder: Path | None) -> Finding:
    what = irreplaceable(project)
    if folder is not None and (fault := fault_of(project, folder)):
        return fail("backup", f"--backup: {fault}; nothing can re-make {what}")
    if when := checked_on(project):
        return ok("backup", f"a copy held {what} when it was last looked at, {day(when.isoformat())}")
    remedy = "when you have one, type: librarian doctor --backup FOLDER"
    return warn("backup", f"nothing can re-make {what}, and no copy was looked at yet; {remedy}")


def _lock(project: Project) -> Finding:
    """Who works on the project now, or that the last one who did was cut off."""
    held = holders(project.state / "lock")
    for each in held:
        if each.is_stopped:
            remedy = f"let it go on with kill -CONT {each.process}, or end it with kill -9 {each.process}"
            return warn("lock", f"held by process {each.process}, which is suspended: all others wait; {remedy}")
    if held:
        return ok("lock", f"held by process {held[0].process}: others wait for it; where it stands: librarian status")
    if read_status(status_path(project.root))["state"] == "killed":
        return warn("lock", "free, and the last run was killed; type it again, it goes on where it was")
    return ok("lock", "free")


def _record(project: Project) -> Finding:
    """Whether the catalog and the manifests tell the same."""
    found = agreement(project.catalog, project.manifests)
    if found.gone:
        text = f"{plural(found.gone, 'manifest')} that the catalog knows cannot be found whole"
        return fail("record", f"{text}; restore manifests/ from your backup, then type: librarian verify", ENVIRONMENT)
    if found.damaged:
        return warn("record", "the catalog is damaged, the manifests are not; type: librarian catalog rebuild")
    if found.behind:
        text = f"{plural(found.behind, 'manifest')} of {found.manifests} not in the catalog yet"
        return ok("record", f"{text}: the next command that asks it takes them in")
    return ok("record", f"{plural(found.manifests, 'manifest')}, and the catalog is in step")


def _clock(project: Project) -> Finding:
    """Whether time has gone on since the last job, and is the same where the library lies."""
    remedy = "set the clock of this machine, as by: sudo timedatectl set-ntp true"
    ahead = max((time_of(path.stem.removeprefix("job_")) for path in manifests(project.manifests)), default=0.0)
    if (late := ahead - time.time()) > _CLOCK_SECONDS:
        return warn("clock", f"{duration(late)} behind the last job of the record; {remedy}")
    if abs(skew := tried(project.library)) > _CLOCK_SECONDS:
        which = "ahead of" if skew > 0 else "behind"
        return warn("clock", f"that of the library's disk is {duration(abs(skew))} {which} this machine's; {remedy}")
    return ok("clock", f"{time.strftime('%-d %B %Y, %H:%M', time.gmtime())} UTC, and later than the last job")

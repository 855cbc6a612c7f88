"""A library goes to another place: copied, read back and compared with the record, and only then used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from librarian.errors import EnvironmentFailedError, UsageError
from librarian.files import sync, sync_folder, write_file
from librarian.keys import IdKey
from librarian.manifest.catalog import Catalog, MadeArtifact
from librarian.manifest.store import Store
from librarian.manifest.verify import artifact_problem
from librarian.project import OWNER, Project

PART = ".part"
_BLOCK = 1 << 20


@dataclass
class Moved:
    """What was copied: files and bytes this time, files that an earlier attempt had copied, and those left out."""

    files: int = 0
    bytes: int = 0
    before: int = 0
    left: int = 0


def copy_library(project: Project, catalog: Catalog, new: Path, each: Callable[[int], None]) -> Moved:
    """Copy every result that is what was recorded, and read the copies back. The caller holds the project's lock.

    What is missing or damaged is left out: the next run makes it again, wherever the library lies.

    Args:
        project: the project.
        catalog: the index, caught up.
        new: the library to be; empty, or what an attempt that was cut off left.
        each: told after each file how many there are by now.

    Raises:
        UsageError: something else lies there.
        EnvironmentFailedError: a copy is not what was copied.
        OSError: the disk failed; the same command goes on.
    """
    _claim(new, project.id_key)
    store = Store(project.library, project.staging)
    store.recover(catalog.made_by)
    store.close()
    copied, done = Moved(), []
    for number, artifact in enumerate(catalog.artifacts(), 1):
        if artifact.suspect or not _copy(project, artifact, new, copied):
            copied.left += 1
        else:
            done.append(artifact)
        each(number)
    _sync_folders(new)
    for artifact in done:
        if problem := artifact_problem(artifact, new, project.id_key, read_data=True):
            raise EnvironmentFailedError(f"the copy of library/{artifact.file}: {problem}; nothing was switched")
    return copied


def _claim(new: Path, id_key: IdKey) -> None:
    """Make the folder one of this project's."""
    owner = new / OWNER
    mine = id_key.fingerprint().encode()
    if new.exists() and any(new.iterdir()) and not (owner.exists() and owner.read_bytes().strip() == mine):
        raise UsageError("that folder is not empty; name an empty one, or one that is not there yet")
    new.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(owner, mine)
    write_file(new / ".gitignore", b"*\n")


def _copy(project: Project, artifact: MadeArtifact, new: Path, copied: Moved) -> bool:
    """Copy one; whether there is one to copy that is what was recorded."""
    source, target = project.library / artifact.file, new / artifact.file
    if not artifact_problem(artifact, new, project.id_key, read_data=True):
        copied.before += 1
        return True
    if artifact_problem(artifact, project.library, project.id_key, read_data=False):
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    if project.id_key.content(_copied(source, part), private=artifact.private) != artifact.digest:
        part.unlink()
        return False
    part.chmod(0o400)
    os.replace(part, target)
    copied.files += 1
    copied.bytes += artifact.bytes
    return True


def _copied(source: Path, target: Path) -> str:
    """Copy a file, durably, and say the sha256 of what was read."""
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(source, "rb") as reader, open(handle, "wb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _sync_folders(top: Path) -> None:
    for place, folders, _ in os.walk(top):
        for folder in folders:
            sync_folder(Path(place, folder))
    sync(top, os.O_DIRECTORY)

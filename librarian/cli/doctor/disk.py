"""What a disk takes, tried for real: a file without a name is written, and gone with its handle."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from librarian.cli.doctor.finding import ENVIRONMENT, Finding, fail, ok, warn
from librarian.cli.words import size

_BYTES = 1 << 12
_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "gfs2", "lustre", "9p", "ncpfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs", "davfs", "virtiofs", "vboxsf"}
)
"""File systems of other machines, in the words of mount(8): locks and SQLite's log do not hold there."""
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def tried(folder: Path) -> float:
    """Write a block there, durably; how far the disk's clock is ahead (s).

    Raises:
        OSError: it takes none.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(_BYTES))
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_mtime - time.time()


def free_in(what: str, folder: Path, where: str, little: int, remedy: str) -> Finding:
    """Whether a folder can be written, and what is free there.

    Args:
        what: what the finding is called.
        folder: the folder.
        where: which one that is, in words.
        little: bytes below which it is little.
        remedy: what to do then.
    """
    try:
        tried(folder)
    except OSError as error:
        return fail(what, f"nothing can be written {where} ({error.strerror}); {remedy}", ENVIRONMENT)
    free = shutil.disk_usage(folder).free
    said = f"{size(free)} free {where}"
    return warn(what, f"{said}; {remedy}") if free < little else ok(what, said)


def place(folder: Path, mounts: Path = _MOUNTS) -> Finding:
    """Whether `.librarian` lies on a disk of this machine.

    Args:
        folder: it.
        mounts: the system's list of what is mounted.
    """
    kind = _file_system(folder, mounts)
    if kind in _REMOTE:
        remedy = "move the project to a local disk: its library may stay (librarian project move --help)"
        text = f".librarian lies on a network file system ({kind}), where locks do not hold"
        return fail("place", f"{text}; {remedy}", ENVIRONMENT)
    if kind in _IN_MEMORY:
        remedy = "move the project to a disk"
        return warn("place", f".librarian lies in memory ({kind}) and is gone after a restart; {remedy}")
    return ok("place", f".librarian lies on a local disk{f' ({kind})' if kind else ''}")


def _file_system(folder: Path, mounts: Path) -> str:
    """The file system that a folder lies on, in the words of mount(8); empty where the system does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    found = {}
    for line in lines:
        about, _, rest = line.partition(" - ")
        found[_unescaped(about.split()[4])] = rest.split()[0]  # what is mounted last lies on top
    real = folder.resolve()
    return next((found[each] for each in map(os.fspath, (real, *real.parents)) if each in found), "")


def _unescaped(path: str) -> str:
    return path.encode("latin-1", "replace").decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")

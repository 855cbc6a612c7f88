"""Plain file work that several rooms share: regular files only, whole or not at all, durable."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from pathlib import Path

_BLOCK = 1 << 20


def open_regular(path: Path) -> int:
    """A handle for reading a regular file; never waits on a pipe or a device.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("not a regular file")
    return handle


def hash_file(path: Path) -> tuple[int, str]:
    """Size (bytes) and sha256 (hex) of a regular file.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with open(open_regular(path), "rb", buffering=0) as file:
        digest, size = hashlib.sha256(), 0
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def write_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a small file whole or not at all, durably."""
    aside = path.with_name(path.name + ".new")
    with open(aside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_tree(folder: Path, tries: int = 5) -> None:
    """Remove a folder, also where a dying process still writes in it.

    Raises:
        OSError: it is still there after the last try.
    """
    for left in reversed(range(tries)):
        try:
            shutil.rmtree(folder)
        except OSError:
            if not folder.exists():
                return
            if not left:
                raise
            time.sleep(0.2)
        else:
            return


def cache_folder() -> Path:
    """Where compiled kernels are kept between runs, the user's alone."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "librarian"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder

"""Plain file work that several rooms share: regular files only, whole or not at all, durable."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_BLOCK = 1 << 18
_BEGIN_TO_WRITE = 2
"""SYNC_FILE_RANGE_WRITE of Linux."""
LOG_PAGES = 8000
"""Of SQLite's write-ahead log, between two times that what is in it goes to its place (32 MiB)."""


_SET_DUMPABLE = 4


def keep_memory_in() -> None:
    """No image of this process's memory goes to disk or to a service when it crashes, and no other reads it.

    The limit holds for core files; the rest (Linux) for what a kernel hands to a program, and for `/proc`.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _libc().prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def open_regular(path: Path | str) -> int:
    """A handle for reading a regular file; never waits on a pipe or a device.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    return _opened(path)[0]


def _opened(path: Path | str) -> tuple[int, os.stat_result]:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError("not a regular file")
    return handle, status


def hash_file(path: Path | str, stopped: Callable[[], bool] = lambda: False) -> tuple[int, str]:
    """Size (bytes) and sha256 (hex) of a regular file.

    Args:
        path: the file.
        stopped: whether to give up, asked between blocks.

    Raises:
        OSError: it cannot be read, is no regular file, changed meanwhile, or `stopped` said so.
    """
    handle, before = _opened(path)
    try:
        digest, size = hashlib.sha256(), 0
        block = memoryview(bytearray(min(_BLOCK, before.st_size + 1)))
        while got := os.readv(handle, [block]):
            if stopped():
                raise InterruptedError("stopped")
            digest.update(block[:got])
            size += got
            if size == before.st_size:
                break  # where more follows, its size is another now
        if stat_key(os.fstat(handle)) != stat_key(before):
            raise OSError("changed while it was read")
    finally:
        os.close(handle)
    return size, digest.hexdigest()


StatKey = tuple[int, int, int, int, int]
"""device, inode, size, mtime, ctime (ns): what changes when a file does."""


def stat_key(status: os.stat_result) -> StatKey:
    """What of a stat changes when the file does."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@contextlib.contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Errors of a handle say what went wrong, not where: let them name its file.

    Raises:
        OSError: the one that was raised inside, with a path.
    """
    try:
        yield
    except OSError as error:
        if not isinstance(error.filename, (str, bytes)):
            error.filename = os.fspath(path)
        raise


def private(path: str, flags: int) -> int:
    """Opens a file that is its owner's alone: for `open(…, opener=private)`."""
    return os.open(path, flags, 0o600)


def write_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a small file whole or not at all, durably; otherwise a power failure may leave the one before, or junk."""
    aside = path.with_name(path.name + ".new")
    try:
        with naming(aside), open(aside, "wb", opener=private) as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def room(path: Path) -> str:
    """What is free where a file lies, or was to be made, in words."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            status = os.statvfs(place)
            return f"{status.f_bavail * status.f_frsize / 2**20:.0f} MiB free there"
    return "room not known"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    sync(folder, os.O_DIRECTORY)


def sync(path: Path | str, flags: int = 0) -> None:
    """Make a file durable, or the names in a folder.

    Raises:
        OSError: the disk failed.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags)
    try:
        with naming(path):
            os.fsync(handle)
    finally:
        os.close(handle)


def begin_to_sync(path: str) -> None:
    """Have a file's content go to the disk meanwhile: who waits until it is durable then waits for less (Linux).

    What goes wrong with that, whoever waits is told.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        _libc().sync_file_range(handle, ctypes.c_int64(0), ctypes.c_int64(0), _BEGIN_TO_WRITE)
        os.close(handle)


def _syncfs(handle: int) -> int:
    """Call syncfs(2); the number of what went wrong, else 0."""
    import ctypes

    return ctypes.get_errno() if _libc().syncfs(handle) else 0


@functools.cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


class FileSystem:
    """The file system that a folder lies on, to make all that was written to it durable at once (syncfs(2))."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def holds(self, folder: Path) -> bool:
        """Whether another folder lies on it, and `sync` waits for what was written there; where in doubt, not."""
        return sys.platform == "linux" and os.fstat(self._handle).st_dev == os.stat(folder).st_dev

    def sync(self) -> None:
        """Wait until all of it is durable.

        Raises:
            OSError: something could not be written since this was opened.
        """
        if sys.platform != "linux":
            os.sync()
            return
        if number := _syncfs(self._handle):
            raise OSError(number, os.strerror(number), os.fspath(self._folder))

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)


def remove_tree(folder: Path, tries: int = 5) -> None:
    """Remove a folder, or what lies in its place, also where it is closed or a dying process still writes in it.

    Raises:
        OSError: it is still there after the last try.
    """
    import shutil  # not at start-up: nothing is removed by most commands

    for left in reversed(range(tries)):
        try:
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)
        except OSError as error:
            if not os.path.lexists(folder):
                return
            if not left:
                error.filename = os.fspath(folder)  # it says the name of what is below only
                raise
            _open_up(folder)
            time.sleep(0.2)
        else:
            return


def names_below(folder: Path | str) -> Iterator[str]:
    """The relative names of all that lies below a folder and is none, links to folders included.

    Raises:
        OSError: a folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=fail):
        links = [each for each in folders if os.path.islink(os.path.join(place, each))]
        yield from (os.path.relpath(os.path.join(place, each), folder) for each in (*files, *links))


def _open_up(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
        for place, names, _ in os.walk(folder):
            for name in names:
                if not os.path.islink(below := os.path.join(place, name)):
                    os.chmod(below, 0o700)


def user_cache() -> Path | None:
    """Where compiled kernels and the like are kept between runs, the user's alone; None where nothing can be kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "librarian"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # a service's user has no home
        return None
    return folder


def cache_folder() -> Path:
    """The same, or one of this process; kernels are compiled again at every start then."""
    import tempfile

    return user_cache() or Path(tempfile.gettempdir()) / f"librarian-cache-{os.getuid()}-{os.getpid()}"

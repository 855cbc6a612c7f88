"""The library on disk: staging, and the way of a finished folder to its final place.

    staging/<job>/<worker>/<task>/   where a task writes         <task> = <unit>.<operation>-<key8>
    staging/<job>/<task>.old/        a folder that a redo replaces, until the line that says so is durable; an empty one
                                     stands for none
    <ab>/<unit>/<operation>-<key8>/  where it lies for good

`settle` renames; the manifest line that follows is the commit. `flush` comes before the one and before the other, for
many tasks at once. What a crash leaves between the two is mended by `recover` before the next run does anything.
"""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from librarian.files import FileSystem, begin_to_sync, hash_file, remove_tree, sync, sync_folder
from librarian.keys import key8, shard

OLD = ".old"
FEW = 12
"""Up to so many files and folders are made durable one by one; more by one call for their whole file system."""
LARGE = 1 << 20
"""Files from this size on (bytes) go to the disk from when they are sealed, not only once others have joined them."""
_OLD_NAME = re.compile(r"([a-z]{3}_[a-z2-7]{13})\.([a-z0-9_]+-[a-z2-7]{8})\.old")
_ITEM = re.compile(r"\.\d{4,}(?=\.[a-z0-9]+$)")


class BadOutputError(Exception):
    """What lies in staging is not what the task said."""


class Stored(NamedTuple):
    """A file that was checked and hashed."""

    file: str
    bytes: int
    sha256: str


def folder_of(unit: str, operation: str, task_key: str) -> str:
    """The folder of a task's artifacts, relative to the library."""
    return f"{shard(unit)}/{unit}/{operation}-{key8(task_key)}"


class Store:
    """The library's folders, for the one writer."""

    def __init__(self, library: Path, staging: Path) -> None:
        self._library, self._staging = library, staging
        self._unsynced: dict[str, None] = {}
        self._above: set[str] = set()
        self._file_system: FileSystem | None = None

    def open_task(self, job: str, worker: str, unit: str, operation: str, task_key: str) -> str:
        """An empty folder for a task to write in."""
        folder = f"{self._staging}/{job}/{worker}/{unit}.{operation}-{key8(task_key)}"
        try:
            os.mkdir(folder, 0o700)
        except FileNotFoundError:
            os.makedirs(folder, 0o700)
        except FileExistsError:
            remove_tree(Path(folder))
            os.mkdir(folder, 0o700)
        if self._file_system is None:
            self._file_system = FileSystem(self._library)  # open before anything is written, to hear of every error
        return folder

    def flushes_all(self, folder: Path) -> bool:
        """Whether the next `flush` makes durable also what lies in a folder outside the library."""
        return len(self._unsynced) > FEW and self._file_system is not None and self._file_system.holds(folder)

    def flush(self) -> None:
        """Make durable what was sealed and put into place since last time.

        Raises:
            OSError: the disk failed.
        """
        self.flushing()()

    def flushing(self) -> Callable[[], None]:
        """What `flush` would do now, for another thread. What is sealed and put into place later is no part of it."""
        unsynced, self._unsynced = self._unsynced, {}
        if len(unsynced) > FEW and self._file_system is not None:
            return self._file_system.sync
        return partial(_sync_all, unsynced)

    def close(self) -> None:
        """Let go of the file system."""
        if self._file_system is not None:
            self._file_system.close()

    def drop_task(self, folder: Path | str) -> None:
        """Throw away what a task wrote."""
        remove_tree(Path(folder))
        self._unsynced = {path: None for path in self._unsynced if not Path(path).is_relative_to(folder)}

    def seal_files(self, folder: Path | str, files: Collection[str], most: float = math.inf) -> list[Stored]:
        """Check and hash what a task wrote: exactly `files`, each a plain file of its own. `flush` makes it durable.

        Args:
            folder: where it wrote.
            files: the names of what it wrote.
            most: how much that may be (bytes).

        Raises:
            BadOutputError: something else lies there.
            OSError: the disk failed.
        """
        place = os.fspath(folder)
        mode = _mode(place)
        if not stat.S_ISDIR(mode):
            raise BadOutputError("the folder that it was given is gone")
        if not mode & stat.S_IRWXU == stat.S_IRWXU:
            os.chmod(place, 0o700)
        found = set(os.listdir(place))
        if extra := len(found - set(files)):
            raise BadOutputError(f"{extra} files lie in its folder that it did not declare")
        if len(found) < len(files):
            raise BadOutputError("an output that it named is not there")
        try:
            stored = list(self._sealed(place, sorted(files), most))
        except (FileNotFoundError, PermissionError):
            raise BadOutputError("an output cannot be read") from None
        self._unsynced[place] = None
        return stored

    def _sealed(self, folder: str, files: Iterable[str], most: float) -> Iterator[Stored]:
        left = most
        for name in files:
            path = f"{folder}/{name}"
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise BadOutputError("an output is a link or no plain file")
            left -= status.st_size
            if left < 0:
                raise BadOutputError(f"it wrote more than its limit of {most / 2**20:.10g} MiB")
            os.chmod(path, 0o400)
            size, digest = hash_file(path)
            if size >= LARGE:
                begin_to_sync(path)
            self._unsynced[path] = None
            yield Stored(name, size, digest)

    def settle(self, staged: Path | str, final: str, *, files: Collection[str], job: str, committed: bool) -> bool:
        """Rename a task's folder to its final place. `flush` makes it durable.

        Args:
            staged: the folder in staging.
            final: the folder's place, relative to the library.
            files: the names of the artifacts in it.
            job: the job's id.
            committed: whether a manifest line names what lies there now: it is put aside then until `forget_old`.

        Returns:
            Whether an earlier folder was replaced.

        Raises:
            BadOutputError: something lies there that no run of this task left.
        """
        target = f"{self._library}/{final}"
        parent = os.path.dirname(target)
        above = os.path.dirname(parent)
        if above not in self._above:  # a task for which nothing is there yet need not find that out first
            self._above.add(above)
            self._make_parents(above)
        replaced = not self._make_parents(parent) and os.path.lexists(target)
        if replaced and not _is_ours(Path(target), files, committed):
            raise BadOutputError(f"library/{final} holds files of unknown origin; move them away")
        if replaced:
            old = self._old(staged, job)
            if old.exists():
                remove_tree(old)
            os.rename(target, old)
            sync_folder(old.parent)  # or a crash finds neither the one nor the other
        os.rename(staged, target)
        self._unsynced[parent] = None
        return replaced

    def expect_nothing(self, staged: Path | str, job: str) -> None:
        """Note that nothing is replaced: where no line follows, `recover` leaves nothing in the final place.

        For what no later run makes again; a run replaces what a crash left of its own tasks.
        """
        old = self._old(staged, job)
        old.mkdir(mode=0o700)
        sync_folder(old.parent)

    def _old(self, staged: Path | str, job: str) -> Path:
        """Where a folder is put aside that another replaces."""
        return self._staging / job / (os.path.basename(staged) + OLD)

    def _make_parents(self, folder: str) -> bool:
        """Make a folder, and those above it that are not there; whether it was not there itself."""
        above = os.path.dirname(folder)
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            return False
        except FileNotFoundError:
            self._make_parents(above)
            os.mkdir(folder, 0o700)
        self._unsynced[above] = None
        return True

    def forget_old(self, staged: Path | str, job: str) -> None:
        """Remove a folder that was replaced, once the line that says so is durable."""
        remove_tree(self._old(staged, job))

    def drop(self, folder: str) -> None:
        """Remove the folder of results that a durable line says are dropped, and above it what holds nothing then.

        `flush` makes that durable.

        Args:
            folder: its place, relative to the library.

        Raises:
            OSError: the disk failed.
        """
        place = self._library / folder
        remove_tree(place)
        left = place.parent
        for above in (place.parent, place.parent.parent):
            try:
                above.rmdir()
            except FileNotFoundError:  # removed before, by one that was cut off
                pass
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                break
            self._unsynced.pop(os.fspath(above), None)
            left = above.parent
        self._unsynced[os.fspath(left)] = None

    def close_job(self, job: str) -> None:
        """Remove a job's staging, and the staging folder itself where it is empty."""
        remove_tree(self._staging / job)
        if self._staging.is_dir() and not os.listdir(self._staging):
            self._staging.rmdir()

    def recover(self, committed: Callable[[str, str], bool]) -> None:
        """Mend what crashed runs left in staging.

        Args:
            committed: (job, folder) → whether a line of that job's manifest says that the folder was replaced.
        """
        if not self._staging.is_dir():
            return
        for job in sorted(self._staging.iterdir()):
            for old in sorted(job.glob(f"*{OLD}")) if job.is_dir() else ():
                self._put_back(job.name, old, committed)
            self.close_job(job.name)
        if self._staging.is_dir():
            self._staging.rmdir()

    def _put_back(self, job: str, old: Path, committed: Callable[[str, str], bool]) -> None:
        named = _OLD_NAME.fullmatch(old.name)
        if named is None:
            return  # not ours
        unit, rest = named.groups()
        final = f"{shard(unit)}/{unit}/{rest}"
        if committed(job, final):
            return
        target = self._library / final
        self._make_parents(os.fspath(target.parent))
        remove_tree(target)
        if os.listdir(old):
            os.rename(old, target)
        sync_folder(target.parent)


def _sync_all(paths: Collection[str]) -> None:
    for path in paths:
        sync(path)


def _mode(path: str) -> int:
    """Kind of file and permissions; 0 where there is nothing."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0


def _is_ours(folder: Path, files: Collection[str], committed: bool) -> bool:
    """Whether a folder holds nothing but outputs of the task that `files` are outputs of."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = set(os.listdir(folder))
    if committed:  # a line names them, however many items there were and whatever they ended in
        stem = re.escape(f"{folder.parent.name}.{folder.name.rpartition('-')[0]}.")
        return all(re.fullmatch(stem + r"[a-z0-9_]+(\.\d{4,})?\.[a-z0-9]{1,8}", name) for name in names)
    return {_ITEM.sub("", name) for name in names} <= {_ITEM.sub("", name) for name in files}

"""Where this machine keeps the files of models: a folder per model and digest, shared by all projects, whole or absent.

It lies outside of every project, since workers cannot read `.librarian/`. A model is made aside and renamed as a
whole; beside its folder lies what is known of it, so that a project can take what another one has.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from librarian.errors import EnvironmentFailedError
from librarian.files import (
    hash_file,
    names_below,
    naming,
    open_regular,
    private,
    remove_tree,
    sync,
    sync_folder,
    write_file,
)
from librarian.models.lock import MOST_BYTES, LockedFile, LockedModel

VARIABLE = "LIBRARIAN_MODELS"
_STAGING = ".staging"
_LEFT_SECONDS = 24 * 3600.0
"""What nobody has written to for so long is being made by nobody."""


def store_folder() -> Path:
    """`LIBRARIAN_MODELS`, else `librarian/models` where programs keep data (XDG Base Directory Specification)."""
    if named := os.environ.get(VARIABLE):
        return Path(os.path.abspath(named))
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(os.path.abspath(base)) / "librarian" / "models"


class Staging:
    """A model that is being made, aside.

    Attributes:
        folder: where its files are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, blocks: Iterable[bytes]) -> LockedFile:
        """Write a file, durably.

        Raises:
            ValidationError: its name is not one that a model's file may have.
            OSError: the disk failed.
        """
        checked = LockedFile(name=name, bytes=0, sha256="0" * 64).name
        path = self.folder / checked
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with open(path, "xb", buffering=0, opener=private) as file:
            for block in blocks:
                with naming(path):
                    file.write(block)
                digest.update(block)
                size += len(block)
            os.fchmod(file.fileno(), 0o400)
            sync(path)
        return LockedFile(name=name, bytes=size, sha256=digest.hexdigest())


@dataclass(frozen=True)
class Store:
    """The store.

    Attributes:
        top: its folder, which need not be there.
    """

    top: Path = field(default_factory=store_folder)

    def folder(self, model: LockedModel) -> Path:
        """Where a model's files lie, or would."""
        return self.top / model.name / model.digest.removeprefix("sha256:")

    def holds(self, model: LockedModel) -> bool:
        """Whether a model is there, by the sizes of its files. Their bytes are compared where they are used."""
        folder = self.folder(model)
        return all(_size(folder / file.name) == file.bytes for file in model.files)

    def faults(self, model: LockedModel) -> Iterator[tuple[str, str]]:
        """Read every byte of a model: what is wrong, as (file, `missing`, `changed` or `unlisted`)."""
        folder = self.folder(model)
        listed = {file.name: file for file in model.files}
        for name, file in listed.items():
            if _size(folder / name) is None:
                yield name, "missing"
            elif not _is_as_locked(folder / name, file):
                yield name, "changed"
        there = set(names_below(folder)) if folder.is_dir() else set()
        for name in sorted(there - listed.keys()):
            yield name, "unlisted"

    @contextlib.contextmanager
    def staging(self) -> Iterator[Staging]:
        """A place to make a model in; what is left there at the end goes.

        Raises:
            EnvironmentFailedError: the store cannot be written.
        """
        folder = self.top / _STAGING / os.urandom(8).hex()
        try:
            self.top.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, parents=True)
            self._remove_left()
        except OSError as error:
            raise EnvironmentFailedError(
                f"the folder for models cannot be written ({error.strerror}); set {VARIABLE} to one that can"
            ) from None
        try:
            yield Staging(folder)
        finally:
            remove_tree(folder)

    def keep(self, staging: Staging, model: LockedModel) -> bool:
        """Put a model that was made in its place, durably; whether it was not there already, whole."""
        home = self.folder(model)
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = next(self.faults(model), None) is not None
        if is_new:
            for place in {(staging.folder / file.name).parent for file in model.files}:
                sync_folder(place)
            self._move_aside(home)
            try:
                os.rename(staging.folder, home)
            except OSError:  # somebody else put it there meanwhile
                if next(self.faults(model), None):
                    raise
            sync_folder(home.parent)
        write_file(home.with_suffix(".json"), model.model_dump_json(indent=1).encode())
        return is_new

    def _remove_left(self) -> None:
        """Remove what was being made when its process was killed."""
        for left in (self.top / _STAGING).iterdir():
            with contextlib.suppress(OSError):
                newest = max(path.lstat().st_mtime for path in (left, *left.rglob("*")))
                if time.time() - newest > _LEFT_SECONDS:
                    remove_tree(left)

    def _move_aside(self, home: Path) -> None:
        if os.path.lexists(home):
            aside = self.top / _STAGING / f"{os.urandom(8).hex()}.old"
            os.rename(home, aside)
            remove_tree(aside)

    def kept(self, name: str) -> list[LockedModel]:
        """All that is there of a name, the last one first."""
        paths: list[Path] = []
        with contextlib.suppress(OSError):
            paths = sorted((self.top / name).glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        found = ((path, _described(path)) for path in paths)
        return [each for path, each in found if each and self.folder(each) == path.with_suffix("") and self.holds(each)]

    def all_kept(self) -> list[LockedModel]:
        """Of every name that is there the last one."""
        try:
            names = sorted(each for each in os.listdir(self.top) if not each.startswith("."))
        except OSError:
            return []
        return [kept[0] for name in names if (kept := self.kept(name))]

    def remove(self, model: LockedModel) -> None:
        """Remove a model's files."""
        home = self.folder(model)
        home.with_suffix(".json").unlink(missing_ok=True)
        (self.top / _STAGING).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._move_aside(home)


def _size(path: Path) -> int | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _is_as_locked(path: Path, file: LockedFile) -> bool:
    try:
        return _size(path) == file.bytes and hash_file(path) == (file.bytes, file.sha256)
    except OSError:
        return False


def _described(path: Path) -> LockedModel | None:
    try:
        with open(open_regular(path), "rb") as file:
            return LockedModel.model_validate_json(file.read(MOST_BYTES))
    except (OSError, ValueError):
        return None

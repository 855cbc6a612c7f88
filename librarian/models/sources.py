"""Where a model's files are taken from: a folder or a tar archive of the owner's. What is no plain file is refused."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from librarian.errors import RefusedError, UsageError
from librarian.files import names_below, open_regular, stat_key
from librarian.models.known import FILE_PATTERN
from librarian.models.lock import MOST_BYTES, MOST_FILES

BLOCK = 1 << 20
MOST_MEMBERS = 20_000
_LINKS = "links and devices are not followed; put the files themselves there"


@dataclass(frozen=True)
class Found:
    """A file that may belong to a model.

    Attributes:
        name: in the model's folder.
        size: bytes; 0 where that is not known.
        blocks: reads it, from its beginning to its end.
    """

    name: str
    size: int
    blocks: Callable[[], Iterator[bytes]]


def in_folder(folder: Path) -> list[Found]:
    """The files of a folder and those below it.

    Raises:
        RefusedError: something there is no plain file, or its name cannot be a model file's.
    """
    found: list[Found] = []
    for name in sorted(names_below(folder)):
        path = folder / name
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError(f"the folder holds what is no plain file: {_LINKS}")
        _check_name(name, len(found))
        found.append(Found(name, status.st_size, _reader(path, status)))
    return found


def _reader(path: Path, listed: os.stat_result) -> Callable[[], Iterator[bytes]]:
    def blocks() -> Iterator[bytes]:
        with open(open_regular(path), "rb") as file:
            while block := file.read(BLOCK):
                yield block
            if stat_key(os.fstat(file.fileno())) != stat_key(listed):
                raise UsageError("a file changed while it was copied; type the same again")

    return blocks


@contextlib.contextmanager
def in_archive(path: Path) -> Iterator[list[Found]]:
    """The files of a tar archive, for as long as it is open.

    Raises:
        UsageError: it is no tar archive, or a compressed one.
        RefusedError: something in it is no plain file, or lies outside.
    """
    try:
        handle = open_regular(path)
    except OSError as error:
        raise UsageError(f"the archive cannot be read: {error.strerror or error}") from None
    with open(handle, "rb") as file:
        try:
            archive = tarfile.open(fileobj=_InPieces(file), mode="r:")  # type: ignore[call-overload]
            found = list(_members(archive))
        except (tarfile.TarError, ValueError, EOFError):
            raise UsageError("that is no tar archive that can be read; unpack it, and add the folder") from None
        yield sorted(found, key=lambda each: each.name)


def _members(archive: tarfile.TarFile) -> Iterator[Found]:
    seen: set[str] = set()
    for number, member in enumerate(archive):
        if number >= MOST_MEMBERS:
            raise RefusedError(f"the archive holds more than {MOST_MEMBERS:,} files")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise RefusedError(f"the archive holds what is no plain file: {_LINKS}")
        name = member.name.removeprefix("./")
        _check_name(name, 0)
        if name in seen:
            raise RefusedError(f"the archive holds {name} twice")
        seen.add(name)
        yield Found(name, member.size, _unpacker(archive, member))


def _unpacker(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], Iterator[bytes]]:
    def blocks() -> Iterator[bytes]:
        file = archive.extractfile(member)
        try:
            while file and (block := file.read(BLOCK)):
                yield block
        except tarfile.ReadError:
            raise UsageError("the archive ends in the middle; copy it again") from None

    return blocks


class _InPieces:
    """A file of which nothing is read that claims to be large: a header of an archive may say so."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.name = file.seek, file.tell, ""

    def read(self, number: int) -> bytes:
        """So many bytes.

        Raises:
            ValueError: that is more than a header has.
        """
        if not 0 <= number <= MOST_BYTES:
            raise ValueError("a header that is too large")
        return self._file.read(number)


def _check_name(name: str, before: int) -> None:
    if not re.fullmatch(FILE_PATTERN, name):
        raise RefusedError(
            "a file has a name that a model's file cannot have (letters, digits and . _ + - only, a letter or digit "
            "first, and no way out of the folder); put what belongs to the model into a folder of its own"
        )
    if before >= MOST_FILES:
        raise RefusedError(f"there are more than {MOST_FILES:,} files; put the model's own into a folder")

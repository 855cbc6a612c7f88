"""Copies of current results for others: under chosen names, verified, with their sums and what proves them.

`SHA256SUMS` says what an export wrote: only that is ever replaced by a later one. A file that is there with the right
content counts as copied, so an export that was cut off goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from librarian.errors import EnvironmentFailedError, RefusedError, UsageError
from librarian.files import hash_file, sync_folder, write_file
from librarian.manifest.catalog import Catalog
from librarian.manifest.excerpt import excerpt
from librarian.manifest.holdings import CurrentArtifact
from librarian.project import Project
from librarian.view.names import Place, named
from librarian.view.results import Result

SUMS, PROOF, PART = "SHA256SUMS", "proof", ".librarian-part"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Parcel:
    """What is to be copied: path below the folder → artifact; and how many private ones stay."""

    files: Mapping[str, CurrentArtifact]
    staying: int


def may_leave(made: CurrentArtifact, private: bool) -> bool:
    """Whether an artifact may leave the library: a clean one; a private one where the owner says so."""
    return private or not made.private


def parcel(
    found: Sequence[Result], places: Callable[[Result], Iterator[Place]], *, private: bool, flat: bool
) -> Parcel:
    """What is to be copied.

    Args:
        found: the results that are wanted.
        places: under which folders and names.
        private: whether private ones may leave.
        flat: whether folders are left out.

    Raises:
        RefusedError: all of them are private.
    """
    leaving = [each for each in found if may_leave(each.made, private)]
    if found and not leaving:
        raise RefusedError(
            f"all {len(found):,} results may name someone, and stay; to take them out, which is recorded: --private"
        )
    files = named(leaving, places, "flat" if flat else "folders")
    return Parcel({name: each.made for name, each in files.items()}, len(found) - len(leaving))


class Export:
    """A folder that results are copied into.

    Args:
        project: the project.
        folder: the folder.
        files: path below it → artifact.
    """

    def __init__(self, project: Project, folder: Path, files: Mapping[str, CurrentArtifact]) -> None:
        self._library, self._manifests, self._id_key = project.library, project.manifests, project.id_key
        self._folder, self._files = folder, files
        self._sums = read_sums(folder / SUMS)
        self.copied = 0

    def check(self) -> None:
        """Refuse to begin where something would be overwritten that no export wrote.

        Raises:
            UsageError: something would.
        """
        strangers = [name for name in self._files if not self._may_write(name)]
        strangers += [name for name in (SUMS, PROOF) if not self._sums and os.path.lexists(self._folder / name)]
        if strangers:
            raise UsageError(
                f"files in that folder have names that the export needs, and no export wrote them as they are "
                f"({len(strangers):,} of them); move them away, or name another folder"
            )

    def _may_write(self, name: str) -> bool:
        path = self._folder / name
        if not os.path.lexists(path):
            below = len(Path(name).parents) - 1
            return all(map(_is_folder_or_free, list(path.parents)[:below]))
        if path.is_symlink() or not path.is_file():
            return False
        sha256 = hash_file(path)[1]
        return sha256 == self._sums.get(name) or self._is(sha256, self._files[name])

    def _is(self, sha256: str, made: CurrentArtifact) -> bool:
        return self._id_key.content(sha256, private=bool(made.private)) == made.digest

    def copy(self, each: Callable[[int], None] = lambda number: None) -> None:
        """Copy what is not there, then write the sums and the proof.

        Args:
            each: told after each file how many there are by now.

        Raises:
            EnvironmentFailedError: a file in the library is not what was recorded.
            OSError: the disk failed; the same export goes on.
        """
        sums = {}
        for number, (name, made) in enumerate(self._files.items(), 1):
            sums[name] = self._copy_one(self._folder / name, made)
            each(number)
        write_file(self._folder / SUMS, write_sums({**self._others(), **sums}))

    def _others(self) -> dict[str, str]:
        """What earlier exports wrote into the folder and is there."""
        return {name: sha256 for name, sha256 in self._sums.items() if os.path.lexists(self._folder / name)}

    def _copy_one(self, path: Path, made: CurrentArtifact) -> str:
        if os.path.lexists(path) and self._is(found := hash_file(path)[1], made):
            return found
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{made.id}{PART}")
        part.unlink(missing_ok=True)  # of an export that was cut off
        sha256 = _copied(self._library / made.file, part)
        if not self._is(sha256, made):
            part.unlink()
            raise EnvironmentFailedError(
                f"library/{made.file} is not what was recorded; type: librarian verify --read-data, then run again"
            )
        os.replace(part, path)
        sync_folder(path.parent)
        self.copied += 1
        return sha256

    def prove(self, catalog: Catalog) -> None:
        """Lay the lines of the record beside it that say how the copies were made."""
        kept: dict[str, set[int]] = defaultdict(set)
        for key in {made.key for made in self._files.values()}:
            if place := catalog.place(key):
                kept[place.job].add(place.seq)
        folder = self._folder / PROOF
        folder.mkdir(mode=0o700, exist_ok=True)
        for job, numbers in kept.items():
            write_file(folder / f"{job}.jsonl", b"".join(excerpt(self._manifests / f"{job}.jsonl", numbers)))


def _is_folder_or_free(path: Path) -> bool:
    return not os.path.lexists(path) or (path.is_dir() and not path.is_symlink())


def _copied(source: Path, target: Path) -> str:
    """Copy a file, durably, and say the sha256 of what was written."""
    digest = hashlib.sha256()
    with (
        open(source, "rb") as reader,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writer,
    ):
        while block := reader.read(_BLOCK):
            digest.update(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def write_sums(sums: Mapping[str, str]) -> bytes:
    """`SHA256SUMS`, as sha256sum reads it."""
    return b"".join(_sum(*each) for each in sorted(sums.items()))


def _sum(name: str, sha256: str) -> bytes:
    escaped = name.replace("\\", "\\\\")
    mark = "" if escaped == name else "\\"
    return f"{mark}{sha256}  {escaped}\n".encode(errors="surrogateescape")


def read_sums(path: Path) -> dict[str, str]:
    """Name → sha256, as `write_sums` wrote it; nothing where there is no such file."""
    try:
        text = path.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return {}
    found = {}
    for line in text.split("\n"):
        sha256, parted, name = line.removeprefix("\\").partition("  ")
        if parted:
            plain = name.replace("\\\\", "\\") if line.startswith("\\") else name
            found[plain] = sha256
    return found

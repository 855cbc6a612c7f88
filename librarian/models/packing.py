"""Models in one tar archive, for a machine without network: what they are, then their files, byte for byte the same."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from librarian.errors import MissingError, RefusedError, UsageError
from librarian.files import open_regular, private
from librarian.models.known import KnownModel
from librarian.models.lock import MOST_BYTES, Lock, LockedModel
from librarian.models.sources import Found
from librarian.models.store import Store
from librarian.models.taking import Asked, Check, Told, take

CONTENTS = "models.json"


def pack(store: Store, models: Sequence[LockedModel], target: Path, told: Told) -> None:
    """Write models into an archive that is there whole or not at all.

    Raises:
        UsageError: there is something of that name.
        MissingError: files of a model are not on this machine, or not what models.lock says.
        OSError: it cannot be written.
    """
    if os.path.lexists(target):
        raise UsageError("there is a file of that name; remove it, or choose another")
    aside = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with open(aside, "wb", opener=private) as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
                content = Lock(models=tuple(models)).text().encode()
                archive.addfile(_entry(CONTENTS, len(content)), io.BytesIO(content))
                for model in models:
                    _add(archive, store, model, told)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, store: Store, model: LockedModel, told: Told) -> None:
    if any(store.faults(model)):
        raise MissingError(
            f"the files of {model.name} are not what models.lock says; type: librarian models verify {model.name}"
        )
    for listed in model.files:
        with open(open_regular(store.folder(model) / listed.name), "rb") as file:
            archive.addfile(_entry(f"{model.name}/{listed.name}", listed.bytes), _Telling(file, told))


class _Telling:
    """A file that says how much of it was read."""

    def __init__(self, file: IO[bytes], told: Told) -> None:
        self._file, self._told = file, told

    def read(self, number: int = -1, /) -> bytes:
        """So many bytes, or what is left."""
        block = self._file.read(number)
        self._told(len(block))
        return block


def _entry(name: str, size: int) -> tarfile.TarInfo:
    """An entry that says nothing of who made it and when."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o400
    return entry


def contents(found: Sequence[Found]) -> Lock | None:
    """What an archive says that it holds; None where it was not made by `pack`.

    Raises:
        UsageError: what it says cannot be read.
    """
    listed = next((each for each in found if each.name == CONTENTS), None)
    if listed is None:
        return None
    try:
        if listed.size > MOST_BYTES:
            raise ValueError
        return Lock.model_validate_json(b"".join(listed.blocks()))
    except (ValidationError, ValueError):
        raise UsageError(f"its {CONTENTS} cannot be read; pack it again") from None


def unpack(
    store: Store,
    found: Sequence[Found],
    models: Sequence[LockedModel],
    asked: Asked,
    known: Mapping[str, KnownModel],
    told: Told,
    check: Check,
) -> Iterator[LockedModel]:
    """Take models of an archive into the store, each compared with what the archive and extensions say of it.

    Args:
        store: the store.
        found: the files of the archive.
        models: those that are wanted, as the archive says.
        asked: says which files are taken beside those of known models.
        known: what extensions say of models.
        told: of bytes as they are copied.
        check: raises what speaks against a model, before it is kept.

    Raises:
        MissingError, RefusedError, OSError: as `take`.
    """

    def is_as_said(taken: LockedModel) -> None:
        if taken.digest != model.digest:
            raise RefusedError(f"the files of {model.name} are not what the archive says; pack it again")
        check(taken)

    for model in models:
        begin = f"{model.name}/"
        files = [Found(each.name.removeprefix(begin), each.size, each.blocks) for each in found]
        own = [new for new, old in zip(files, found, strict=True) if old.name.startswith(begin)]
        words: dict[str, Any] = model.model_dump(include={"name", "licence", "loader", "source", "revision"})
        yield take(store, own, Asked(**words, known=_known(model, known), also=asked.also), told, is_as_said)


def _known(model: LockedModel, known: Mapping[str, KnownModel]) -> KnownModel | None:
    found = known.get(model.name)
    if found and found.loader != model.loader:
        raise RefusedError(f"the archive says that {model.name} is loaded otherwise than it is known; pack it again")
    return found

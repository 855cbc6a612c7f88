"""models.lock: the models of a project, with the digest of every file. The format is frozen: see tests/golden.

A model's digest, which enters task keys, is over what can change a result: its loader and the name, size and sha256 of
each file. Where it came from and its licence may be put right without making anything anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from librarian.errors import EnvironmentFailedError
from librarian.files import open_regular, write_file
from librarian.models.known import (
    FILE_PATTERN,
    LICENCE_PATTERN,
    LOADER_PATTERN,
    NAME_PATTERN,
    REVISION_PATTERN,
    SOURCE_PATTERN,
    Model,
)

FORMAT: Literal[1] = 1
MOST_MODELS, MOST_FILES = 1000, 1000
MOST_BYTES = 16 << 20
"""Of a lock: no larger one is read."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class LockedFile(_Part):
    """A file of a model."""

    name: str = Field(pattern=FILE_PATTERN, description="In the model's folder, with / between folders.")
    bytes: int = Field(ge=0, description="Its size.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Hex digest of its content.")


class LockedModel(_Part):
    """A model and all its files."""

    name: str = Field(pattern=NAME_PATTERN, description="What jobs call it.")
    source: str = Field("", pattern=SOURCE_PATTERN, description="Where it was fetched; empty: added from a folder.")
    revision: str = Field("", pattern=REVISION_PATTERN, description="Of the source, where it has any.")
    licence: str = Field("", pattern=LICENCE_PATTERN, description="SPDX expression, or its name; empty: not known.")
    loader: str = Field("", pattern=LOADER_PATTERN, description="Kind of loading it needs; empty: not known.")
    files: Annotated[tuple[LockedFile, ...], Field(min_length=1, max_length=MOST_FILES)] = Field(
        description="All its files, by name."
    )
    digest: str = Field(
        "", pattern=r"^sha256:[0-9a-f]{64}$", validate_default=False, description="Over its loader and files."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        names = [file.name for file in self.files]
        if names != sorted(names):
            raise ValueError("files are not in order")
        folded = {name.casefold() for name in names}
        above = {str(each).casefold() for name in names for each in PurePosixPath(name).parents}
        if len(folded) < len(names) or folded & above:
            raise ValueError("two files have one name")
        if self.digest != digest_of(self.loader, self.files):
            raise ValueError("the digest is not that of the files")
        return self

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(file.bytes for file in self.files)

    def as_model(self) -> Model:
        """What an operation may know of it."""
        return Model(self.name, self.digest, self.loader, tuple(file.name for file in self.files))


def locked(
    name: str, files: Sequence[LockedFile], *, loader: str = "", licence: str = "", source: str = "", revision: str = ""
) -> LockedModel:
    """A model with its digest.

    Raises:
        ValidationError: a word or a file is not of the form that it must have.
    """
    ordered = tuple(sorted(files, key=lambda file: file.name))
    return LockedModel(
        name=name,
        source=source,
        revision=revision,
        licence=licence,
        loader=loader,
        files=ordered,
        digest=digest_of(loader, ordered),
    )


def digest_of(loader: str, files: Sequence[LockedFile]) -> str:
    """What enters task keys."""
    document = [FORMAT, loader, [[file.name, file.bytes, file.sha256] for file in files]]
    return f"sha256:{hashlib.sha256(json.dumps(document, separators=(',', ':')).encode()).hexdigest()}"


class Lock(_Part):
    """A models.lock."""

    format: Literal[1] = Field(FORMAT, description="Version of this format.")
    models: Annotated[tuple[LockedModel, ...], Field(max_length=MOST_MODELS)] = Field(
        (), description="The models, by name."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({model.name for model in self.models}) < len(self.models):
            raise ValueError("two models have one name")
        return self

    @property
    def by_name(self) -> Mapping[str, LockedModel]:
        """Name → model."""
        return {model.name: model for model in self.models}

    def having(self, model: LockedModel) -> Lock:
        """It with a model, in place of the one of that name."""
        found = {**self.by_name, model.name: model}
        return Lock(models=tuple(found[name] for name in sorted(found)))

    def only(self, names: Collection[str]) -> Lock:
        """It with some of its models."""
        return Lock(models=tuple(model for model in self.models if model.name in names))

    def without(self, name: str) -> Lock:
        """It without a model."""
        return Lock(models=tuple(model for model in self.models if model.name != name))

    def text(self) -> str:
        """As it is written."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


def read_lock(path: Path) -> tuple[Lock, str]:
    """A lock and the sha256 of its file; an empty one and no digest where there is no file.

    Raises:
        EnvironmentFailedError: it cannot be read, or is no lock.
    """
    try:
        with open(open_regular(path), "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError
        found: Lock = Lock.model_validate_json(content)
    except FileNotFoundError:
        return Lock(), ""
    except (OSError, ValidationError, ValueError):
        raise EnvironmentFailedError(
            ".librarian/models.lock cannot be read, or was changed by hand; restore it, or remove it and add the "
            "models again"
        ) from None
    return found, hashlib.sha256(content).hexdigest()


def change_lock(path: Path, change: Callable[[Lock], Lock]) -> None:
    """Change a lock, of which nobody else changes anything meanwhile.

    Raises:
        EnvironmentFailedError: it cannot be read.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        write_lock(path, change(read_lock(path)[0]))
    finally:
        os.close(folder)


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock whole or not at all."""
    write_file(path, lock.text().encode())

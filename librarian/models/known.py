"""The contract with extensions: the models that an operation can use, and those that are there. Imports nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,47}$"
"""Names of models: they stand in records as they are."""
LOADER_PATTERN = r"^([a-z][a-z0-9_-]{0,31})?$"
FILE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._+-]{0,127}){0,5}$"
"""Names of files in a model's folder, with `/` between the parts."""
SOURCE_PATTERN = r"^((hub:|https://)[A-Za-z0-9][A-Za-z0-9._/:%+=-]{0,299})?$"
REVISION_PATTERN = r"^[A-Za-z0-9._-]{0,100}$"
LICENCE_PATTERN = r"^([A-Za-z0-9][A-Za-z0-9.,+() -]{0,95})?$"
_DIGEST_PATTERN = r"^[0-9a-f]{0,64}$"


@dataclass(frozen=True)
class Model:
    """A model of models.lock: what `Operation.resolve` chooses from.

    Args:
        name: what it is called.
        digest: of all its files and its loader.
        loader: the kind of loading that it needs, such as `demucs`; empty where nobody said.
        files: names of its files, relative to its folder.
    """

    name: str
    digest: str
    loader: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownFile:
    """A file of a model that an operation knows.

    Args:
        name: in the model's folder, with `/` between folders.
        sha256: hex digest or its beginning; empty where it is not known.
        size: bytes; 0 where that is not known.
        url: https, where it lies; empty: under its name below the model's `source`.
    """

    name: str
    sha256: str = ""
    size: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        _check(self.name, FILE_PATTERN, "the name of a model's file")
        _check(self.sha256, _DIGEST_PATTERN, "the digest of a model's file")
        _check(self.url, SOURCE_PATTERN, "the address of a model's file")


@dataclass(frozen=True)
class KnownModel:
    """A model that an operation can use: what `librarian models` needs to get it, and to say that it is missing.

    Args:
        name: what jobs, models.lock and `librarian.model_folder` call it.
        files: all that belong to it.
        licence: SPDX expression, or its name.
        loader: the kind of loading it needs: the operation's own word, `demucs`.
        source: `hub:owner/repository` or a folder at `https://…`, where it can be fetched; empty where it cannot.
        revision: of the hub repository, best a commit.
        redirects: hosts that the source may send a download on to; `.example.org` for all below that one. Those of the
            hub itself need not be named.
        description: a few words for lists.
    """

    name: str
    files: tuple[KnownFile, ...]
    licence: str = ""
    loader: str = ""
    source: str = ""
    revision: str = "main"
    redirects: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        _check(self.name, NAME_PATTERN, "the name of a model")
        _check(self.loader, LOADER_PATTERN, "the loader of a model")
        _check(self.licence, LICENCE_PATTERN, "the licence of a model")
        _check(self.source, SOURCE_PATTERN, "the source of a model")
        _check(self.revision, REVISION_PATTERN, "the revision of a model")
        if not self.files:
            raise ValueError(f"the model {self.name} has no files")


def _check(word: str, pattern: str, what: str) -> None:
    if not re.fullmatch(pattern, word):
        raise ValueError(f"{what} is not of the form {pattern}")

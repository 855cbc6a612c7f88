"""Child side: the models that a task may use, handed out once every byte was compared with models.lock.

What was compared once is not read again while its stat (device, inode, size, times) is the same. Every write changes
the change time, which no program can set; only who turns the machine's clock back for it, or writes to the disk under
the file system, is not noticed until the worker ends.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from librarian.errors import ModelMissingError
from librarian.files import StatKey, hash_file, names_below, stat_key


class Given(NamedTuple):
    """A model: its folder, and (name, bytes, sha256) of each file."""

    folder: str
    files: Sequence[tuple[str, int, str]]


class _Verdict(NamedTuple):
    """What a file was when it was read, and what came of it."""

    stat: StatKey
    digest: str


_given: dict[str, Given] = {}
_read: dict[str, _Verdict] = {}


def give(models: Mapping[str, Any]) -> None:
    """From now on these can be asked for, and no others: name → `folder`, `files`, as `Installed.given` says."""
    _given.clear()
    _given.update(
        {name: Given(each["folder"], [tuple(file) for file in each["files"]]) for name, each in models.items()}
    )


def model_folder(name: str) -> Path:
    """The folder with a model's files, those of models.lock and no others, all of them compared with it.

    Args:
        name: of a model that the operation's `resolve` said it uses with the settings of this task.

    Raises:
        ModelMissingError: it is none of those, or its files are not there or not what they should be.
    """
    if name not in _given:
        raise ModelMissingError(f"the operation's resolve did not say that it uses the model {name}")
    given = _given[name]
    _check_names(name, given)
    for file, size, sha256 in given.files:
        verified(name, os.path.join(given.folder, file), size, sha256)
    return Path(given.folder)


def handed(path: Path | str) -> tuple[str, int, str] | None:
    """Of a file of a model that may be asked for: the model's name, the file's size (bytes) and sha256."""
    for name, given in _given.items():
        for file, size, sha256 in given.files:
            if os.path.join(given.folder, file) == os.fspath(path):
                return name, size, sha256
    return None


def verified(name: str, path: str, size: int, sha256: str) -> StatKey:
    """Compare a file of a model with its digest; what it was then.

    Raises:
        ModelMissingError: it is not what models.lock says.
    """
    try:
        now = stat_key(os.lstat(path))
        if now[2] != size:
            raise _changed(name)
        if path not in _read or _read[path].stat != now:
            _read[path] = _Verdict(now, hash_file(path)[1])
            if stat_key(os.lstat(path)) != now:
                raise _changed(name)
    except OSError:
        raise _changed(name) from None
    if _read[path].digest != sha256:
        raise _changed(name)
    return now


def _check_names(name: str, given: Given) -> None:
    try:
        if set(names_below(given.folder)) == {file for file, _, _ in given.files}:
            return
    except OSError:
        pass  # it is not there
    raise _changed(name)


def _changed(name: str) -> ModelMissingError:
    return ModelMissingError(
        f"the files of the model {name} are not what models.lock says; type: librarian models verify {name}"
    )

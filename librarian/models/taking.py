"""From files to a model of the store: those that belong to it, compared with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from librarian.errors import MissingError, RefusedError
from librarian.models.known import KnownFile, KnownModel
from librarian.models.lock import LockedFile, LockedModel, locked
from librarian.models.sources import Found
from librarian.models.store import Staging, Store

MOST_NAMED = 5
"""Files that a message names."""
Told = Callable[[int], None]
"""Is told of bytes as they pass."""
Check = Callable[[LockedModel], None]


@dataclass(frozen=True)
class Asked:
    """What is to be made a model.

    Attributes:
        name: of the model.
        known: what an extension says of it.
        licence, loader, source, revision: for models.lock; what is known stands for what is empty.
        also: files that are taken beside those that are known to belong to it.
    """

    name: str
    known: KnownModel | None = None
    licence: str = ""
    loader: str = ""
    source: str = ""
    revision: str = ""
    also: frozenset[str] = frozenset()


def take(store: Store, found: Sequence[Found], asked: Asked, told: Told, check: Check) -> LockedModel:
    """Copy a model's files into the store; what fails leaves nothing there.

    Args:
        store: the store.
        found: the files.
        asked: what they are to be.
        told: of bytes as they are copied.
        check: raises what speaks against the model, before it is kept.

    Raises:
        MissingError: a file of it is not there.
        RefusedError: a file does not belong to it, or is not the one that is known.
        EnvironmentFailedError, OSError: the store cannot be written.
    """
    known = {file.name: file for file in asked.known.files} if asked.known else {}
    _check_names(found, asked, known)
    with store.staging() as staging:
        files = [_taken(staging, each, asked.name, known.get(each.name), told) for each in found]
        model = _locked(asked, files)
        check(model)
        store.keep(staging, model)
    return model


def _locked(asked: Asked, files: Sequence[LockedFile]) -> LockedModel:
    words = {"source": asked.source, "revision": asked.revision}
    words["loader"] = asked.loader or (asked.known.loader if asked.known else "")
    words["licence"] = asked.licence or (asked.known.licence if asked.known else "")
    try:
        return locked(asked.name, files, **words)
    except ValidationError as error:
        reason = str(error.errors(include_url=False, include_input=False)[0]["msg"]).removeprefix("Value error, ")
        raise RefusedError(f"{asked.name} cannot be kept: {reason}") from None


def _check_names(found: Sequence[Found], asked: Asked, known: dict[str, KnownFile]) -> None:
    there = {each.name for each in found}
    if not there:
        raise MissingError(f"no file of {asked.name} is there")
    if lacking := sorted(known.keys() - there):
        raise MissingError(f"of {asked.name} there is no {_some(lacking)}")
    if strangers := sorted(there - known.keys() - asked.also) if known else []:
        raise RefusedError(
            f"{asked.name} is known without {_some(strangers)}; leave out what does not belong to it, or, where you "
            f"trust it, name it: --also {strangers[0]}"
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _taken(staging: Staging, found: Found, model: str, known: KnownFile | None, told: Told) -> LockedFile:
    file = staging.add(found.name, _passing(found, told))
    if known and not (file.sha256.startswith(known.sha256) and known.size in (0, file.bytes)):
        what = f"its sha256 begins with {file.sha256[: len(known.sha256) or 8]}, not with {known.sha256}"
        if known.size not in (0, file.bytes):
            what = f"it has {file.bytes:,} bytes, not {known.size:,}"
        raise RefusedError(
            f"{found.name} is not the file that {model} is known by: {what}; get it again, or give it another --name"
        )
    return file


def _passing(found: Found, told: Told) -> Iterator[bytes]:
    for block in found.blocks():
        told(len(block))
        yield block

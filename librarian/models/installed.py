"""What a project can use: the models of its lock, and where this machine has their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from librarian.models.known import KnownModel, Model
from librarian.models.lock import Lock, read_lock
from librarian.models.store import Store

MOST_NAMED = 20
"""Files that a message names."""


@dataclass(frozen=True)
class Installed:
    """The models of a project.

    Attributes:
        lock: what they are.
        store: where their files are.
        state: sha256 of the lock's file; empty where there is none.
    """

    lock: Lock = field(default_factory=Lock)
    store: Store = field(default_factory=Store)
    state: str = ""

    @classmethod
    def of(cls, lock: Path) -> Installed:
        """What a models.lock says.

        Raises:
            EnvironmentFailedError: it cannot be read.
        """
        found, state = read_lock(lock)
        return cls(found, Store(), state)

    @classmethod
    def of_machine(cls) -> Installed:
        """What this machine has, of each name the last: for where there is no project yet."""
        store = Store()
        found = Lock(models=tuple(store.all_kept()))
        return cls(found, store, hashlib.sha256(found.text().encode()).hexdigest() if found.models else "")

    def models(self) -> list[Model]:
        """What operations choose from."""
        return [each.as_model() for each in self.lock.models]

    def given(self, names: Iterable[str]) -> dict[str, Any]:
        """What a worker needs to find some of them, and to see that they are what they should be."""
        by_name = self.lock.by_name if names else {}
        return {
            name: {
                "folder": str(self.store.folder(by_name[name])),
                "files": [[file.name, file.bytes, file.sha256] for file in by_name[name].files],
            }
            for name in names
        }

    def lacking(
        self, used: Mapping[str, str], absent: Iterable[str], known: Sequence[KnownModel]
    ) -> Iterator[tuple[str, str]]:
        """Of the models that an operation would use those that it cannot, and what to do about each.

        Args:
            used: those of the lock that it would use.
            absent: those that are not in the lock.
            known: what the operation says of models.
        """
        declared = {each.name: each for each in known}
        for name in absent:
            here = name not in declared and self.store.kept(name)
            remedy = f"this machine has it; type: librarian models fetch {name}" if here else ""
            yield name, f"the model {name} is not installed; {remedy or _remedy(name, declared.get(name), ())}"
        for name in used:
            model = self.lock.by_name[name]
            if not self.store.holds(model):
                files = tuple(file.name for file in model.files)
                what = f"the model {name} is in models.lock, and its files are not on this machine"
                yield name, f"{what}; {_remedy(name, declared.get(name), files)}"


def _remedy(name: str, known: KnownModel | None, files: Sequence[str]) -> str:
    names = [file.name for file in known.files] if known else list(files)
    add = f"librarian models add FOLDER --name {name}"
    if not names:
        return f"type: {add}"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    licence = f" (licence {known.licence})" if known and known.licence else ""
    wanted = f"it is {', '.join(names[:MOST_NAMED])}{more}{licence}"
    fetch = f"librarian models fetch {name}, or, with the files in a folder: " if known and known.source else ""
    return f"{wanted}; type: {fetch}{add}"

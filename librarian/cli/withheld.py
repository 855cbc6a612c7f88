"""The scrubber for what is said when a command has failed: it knows what can be known without any job."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from librarian import project as projects
from librarian.cli.place import root_as_typed
from librarian.errors import LibrarianError, RefusedError
from librarian.privacy import sealing
from librarian.privacy.known import secrets, surroundings
from librarian.privacy.names import common_names
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault

WITHHELD = "(withheld)"


def last_scrubber() -> Scrubber:
    """A scrubber that knows the user, the machine, secrets, and all that the project's vault holds."""
    scrubber = Scrubber(os.urandom(32), names=common_names())
    scrubber.learn([*surroundings(), *_of_project()])
    scrubber.learn_secrets(secrets())
    return scrubber


def scrubbed(lines: list[str]) -> list[str]:
    """Lines as they may be shown; withheld where that cannot be told."""
    try:
        scrubber = last_scrubber()
        return [str(scrubber.scrub(line)) for line in lines]
    except RefusedError:
        return [WITHHELD] * len(lines)


def _of_project() -> Iterator[str]:
    """Paths, labels and texts in the vault, as far as it can be read."""
    root = root_as_typed()
    if root is None:
        return
    yield os.fspath(root)
    path = root / projects.STATE / "vault.db"
    if sealing.is_sealed(path) and not sealing.was_asked(path):
        return  # nobody is asked for a passphrase by an error
    with contextlib.suppress(LibrarianError, OSError):
        with contextlib.closing(Vault(path, owned=False)) as vault:
            yield from (*map(os.fspath, vault.paths()), *vault.free_texts())

"""Values that are known to name someone: the user and the machine, tokens in the environment, the owner's own list."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

from librarian.errors import UsageError
from librarian.files import open_regular

MOST_BYTES = 16 << 20
SHORTEST_SECRET = 8
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "PASSPHRASE", "API_KEY", "LIBRARIAN_KEY")
_ORDINARY = frozenset({"root", "user", "localhost", "home"})


def secrets() -> Iterator[str]:
    """What looks like a secret in the environment."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST_SECRET and any(word in name.upper() for word in _SECRET):
            yield value


def surroundings() -> Iterator[str]:
    """User name, host name and home folder."""
    found = [os.uname().nodename, os.path.basename(os.path.expanduser("~"))]
    try:
        found.append(getpass.getuser())
    except (KeyError, OSError):
        pass  # no such user in the system's list: no name to keep out
    yield from (each for each in found if each and each.lower() not in _ORDINARY)


def names_in(path: Path) -> list[str]:
    """The lines of the owner's list of names; empty ones and those that start with # are left out.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(open_regular(path), "rb") as file:
            text = file.read(MOST_BYTES + 1)
        lines = text.decode().splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError("the file cannot be read; it holds one name a line, in UTF-8") from None
    if len(text) > MOST_BYTES:
        raise UsageError(f"the file is larger than {MOST_BYTES >> 20} MiB")
    return [name for line in lines if (name := line.strip()) and not name.startswith("#")]

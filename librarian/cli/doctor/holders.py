"""Who holds the lock of a file, without touching it: Linux tells of each open file whether it is locked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock.

    Attributes:
        process: its id.
        is_stopped: whether it is suspended (Ctrl-Z), so that nobody else gets it and nothing happens.
    """

    process: int
    is_stopped: bool


def holders(path: Path) -> list[Holder]:
    """The user's own processes that hold the lock of a file; none where the system does not tell."""
    wanted = os.path.realpath(path)
    return [each for process in _PROCESSES.glob("[0-9]*") for each in _holding(process, wanted)]


def _holding(process: Path, wanted: str) -> Iterator[Holder]:
    with contextlib.suppress(OSError):  # another user's, or it has ended
        handles = (each.name for each in (process / "fd").iterdir() if os.readlink(each) == wanted)
        if any("FLOCK" in (process / "fdinfo" / handle).read_text() for handle in handles):
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            yield Holder(int(process.name), state in ("T", "t"))

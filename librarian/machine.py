"""The machine that this process runs on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from librarian.keys import IdKey

MOST_WORKERS = 8
"""Unless more are asked for."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_size() -> int:
    """Worker processes where nobody says how many."""
    return min(cores(), MOST_WORKERS)


def machine_id(id_key: IdKey) -> str:
    """The keyed id of this machine."""
    try:
        name = Path("/etc/machine-id").read_text().strip()
    except OSError:
        name = ""
    if not name:
        import uuid

        name = hex(uuid.getnode())
    return id_key.machine(name)


def machine_record(id_key: IdKey) -> dict[str, Any]:
    """What a record says of it, as `MachineRecord` holds it."""
    system = os.uname()
    return {
        "id": machine_id(id_key),
        "system": _word(f"{system.sysname}-{system.release}"),
        "processor": _word(system.machine),
        "cores": os.cpu_count() or 1,
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+/:-]", "-", text)[:64] or "unknown"

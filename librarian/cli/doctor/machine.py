"""Memory, room for temporary files, caches, ffmpeg."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from librarian.cli.doctor.disk import free_in
from librarian.cli.doctor.finding import Finding, ok, warn
from librarian.cli.words import size
from librarian.files import user_cache
from librarian.workers.memory import machine_memory

LITTLE_MEMORY = 4 << 30
"""What a task may take at the least (bytes), imports included."""
LITTLE_FREE = 1 << 30
LITTLE_SCRATCH = 1 << 30
_MEMORY = Path("/proc/meminfo")
_SECONDS = 20.0


def findings() -> Iterator[Finding]:
    """What a run needs of the machine beside a project and a GPU."""
    yield memory(machine_memory(), available())
    yield free_in("scratch", Path(tempfile.gettempdir()), "for temporary files", LITTLE_SCRATCH, "set TMPDIR")
    yield _cache()
    yield _ffmpeg()


def available() -> float | None:
    """Memory that is free or can be made so (bytes); None where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMORY.read_text().splitlines())
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, LookupError):
        return None


def memory(whole: float, free: float | None) -> Finding:
    """Whether memory suffices for tasks.

    Args:
        whole: of the machine, or the container (bytes).
        free: what of it can be had now (bytes); None where that is not known.
    """
    said = size(whole) if free is None else f"{size(whole)}, {size(min(free, whole))} of it free"
    if whole < LITTLE_MEMORY:
        return warn("memory", f"{said}: little for tasks with models; write run: {{workers: 1}} in the job file")
    if free is not None and free < LITTLE_FREE:
        return warn("memory", f"{said}: end what else is running, or write run: {{workers: 1}} in the job file")
    return ok("memory", said)


def _cache() -> Finding:
    folder = user_cache()
    if folder is None or not os.access(folder, os.W_OK):
        return warn("cache", "no cache folder can be written: every start compiles anew; set XDG_CACHE_HOME")
    return ok("cache", "what was compiled is kept")


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    if found is None:
        return ok("ffmpeg", "not there, and not needed")
    command = [found, "-hide_banner", "-version"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return warn("ffmpeg", "the one on PATH does not start; nothing of librarian needs it: mend or remove it")
    version = re.match(rb"ffmpeg version (\S{1,40})", done.stdout)
    return ok("ffmpeg", f"{version[1].decode(errors='replace') if version else 'there'}; nothing of librarian needs it")

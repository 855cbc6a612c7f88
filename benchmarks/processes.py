"""Whole processes, as their users start them: what they take, and a virtual environment for those of others."""

from __future__ import annotations

import compileall
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SAMPLE_SECONDS = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What one process took. Only Linux tells all but the time; 0 where it is not known.

    Attributes:
        seconds: from its start to its end.
        cpu: its own processor time, without that of its children (s).
        peak: the most memory that it held itself (bytes).
        together: the most that it and all below it held at once (bytes); pages that they share are counted twice.
        printed: its standard output.
        processor: time of processors, its own and that of all below it that it waited for (s).
    """

    seconds: float
    cpu: float = 0.0
    peak: int = 0
    together: int = 0
    printed: bytes = b""
    processor: float = 0.0


def take(command: Sequence[str | os.PathLike[str]], folder: Path, variables: Mapping[str, str] | None = None) -> Taken:
    """Run a command in a folder to its end, with these variables beside those of this process.

    Raises:
        RuntimeError: it failed.
    """
    samples: list[tuple[float, int, int]] = []
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as printed:
        began, before = time.perf_counter(), _processor()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
        )
        ended = threading.Event()
        watch = threading.Thread(target=lambda: samples.extend(_samples(process.pid, ended)))
        watch.start()
        code = process.wait()
        took = time.perf_counter() - began
        ended.set()
        watch.join()
        said.seek(0)
        printed.seek(0)
        if code:
            shown = " ".join(map(os.fspath, command))[:200]
            raise RuntimeError(f"{shown}: exit {code}\n{said.read().decode(errors='replace')}")
        cpu, peak, together = map(max, zip(*samples, strict=True)) if samples else (0.0, 0, 0)
        return Taken(took, cpu, peak, together, printed.read(), _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _samples(pid: int, ended: threading.Event) -> Iterator[tuple[float, int, int]]:
    """Processor time (s), most memory of its own and memory of all (bytes), until it ends."""
    while not ended.wait(SAMPLE_SECONDS):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return
        peak = _status(pid, "VmHWM:")
        yield (int(fields[11]) + int(fields[12])) / TICKS, peak, sum(_status(each, "VmRSS:") for each in _family(pid))


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):  # it has just ended
            for path in Path(f"/proc/{each}/task").glob("*/children"):
                found += map(int, path.read_text().split())
    return found


def compile_ours() -> None:
    """Make the bytecode of librarian and its extensions, as pip does of all that it installs.

    A checkout may lack it: workers may not write there, and compile what they import at every start.
    """
    for name in ("librarian", *(each.module for each in entry_points(group="librarian"))):
        found = find_spec(name)
        for folder in (found and found.submodule_search_locations) or ():
            compileall.compile_dir(folder, quiet=1)


def find_peers(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Install what is missing into a virtual environment of its own.

    Args:
        folder: of the environment; made where there is none.
        wanted: package → a module of it.

    Returns:
        Name and version of each package.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    find = "import sys, importlib.util as u; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))"
    missing = subprocess.run([python, "-c", find, *wanted.values()], check=True, capture_output=True, text=True)
    if names := [name for name, module in wanted.items() if module in missing.stdout.split()]:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *names], check=True)
    ask = "import sys, importlib.metadata as packages; print(*map(packages.version, sys.argv[1:]))"
    told = subprocess.run([python, "-c", ask, *wanted], check=True, capture_output=True, text=True)
    return [" ".join(each) for each in zip(wanted, told.stdout.split(), strict=True)]

"""The command line in a process of its own, and extensions that exist for a test."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).parent.parent
RECORDINGS = TOP / "configs" / "recordings"
KEY = "a key of the tests, long enough"


@dataclass(frozen=True)
class Typed:
    """What came of a command: its exit code, what it said, what it cost (s; MiB of its largest process)."""

    code: int
    said: str
    seconds: float
    mib: float


SHIPPED = (
    *("cleaning", "comfyui", "conversion", "diarization", "editing"),
    *("language", "normalization", "redaction", "separation", "tagging", "transcription"),
)
"""The extensions of this project, which are installed where its tests run."""
INSTALLED = (*SHIPPED, "effects", "parquet", "program")
"""Those and the examples in docs/, which are installed there only."""
MEASURE = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""
"""Writes the peak (KiB) of a command into a file. A process of its own: a child is charged what its parent held."""


@dataclass
class Archive:
    """A folder with a job file and recordings, and the command line in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def job(self, text: str, name: str = "job.yaml") -> Path:
        """Write a job file."""
        path = self.root / name
        path.write_text(textwrap.dedent(text))
        return path

    def variables(self) -> dict[str, str]:
        """Its environment; modules come from its folder first, then from the checkout under test."""
        paths = (self.environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH"))
        models = os.fspath(self.root.parent / "models")  # not those of whoever starts the tests
        return {"LIBRARIAN_MODELS": models, **self.environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def start(self, *arguments: str, before: Sequence[str] = (), **options: object) -> subprocess.Popen[str]:
        """Start the command line; `before` it stands what starts it."""
        command = [*before, sys.executable, "-P", "-m", "librarian", *arguments]
        environment = {**os.environ, **self.variables()}
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )

    def librarian(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line and look at its exit code (None: any)."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        done = subprocess.CompletedProcess(arguments, process.returncode, out, err)
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
        return done

    def measured(self, *arguments: str) -> Typed:
        """Run the command line and look at what it costs, its workers included."""
        began = time.monotonic()
        with tempfile.NamedTemporaryFile("r") as usage:
            process = self.start(*arguments, before=[sys.executable, "-ISc", MEASURE, usage.name])
            out, err = process.communicate(timeout=300)
            peak = int(usage.read())
        return Typed(process.returncode, err + out, time.monotonic() - began, peak / 1024)

    def files(self, folder: str = "library") -> dict[str, bytes]:
        """Every file below a folder, by its relative path."""
        top = self.root / folder
        return {
            path.relative_to(top).as_posix(): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()
        }


def install(site: Path, archive: Archive, name: str, code: str, *, version: str = "1.0") -> Path:
    """Lay a package and its metadata into a folder that is put on the module search path."""
    module = f"librarian_{name}"
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(textwrap.dedent(code))
    metadata = site / f"{module}-{version}.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: librarian-{name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[librarian]\n{name} = {module}\n")
    archive.environment["PYTHONPATH"] = str(site)
    return site / f"{module}.py"

"""The command line in a process of its own, and extensions that exist for a test."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).parent.parent
RECORDINGS = TOP / "configs" / "recordings"
KEY = "a key of the tests, long enough"


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

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start the command line."""
        command = [sys.executable, "-P", "-m", "librarian", *arguments]
        environment = {**os.environ, **self.environment}
        paths = (self.environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH"))  # the checkout under test
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
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

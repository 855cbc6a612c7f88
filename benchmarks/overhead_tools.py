"""Who takes part in overhead.py: a bare loop, doit, snakemake and librarian, each copying and hashing small files."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from processes import take

EXTENSION = '''
import shutil

from librarian import Audio, Operation, Settings, Text, hookimpl


class CopySettings(Settings):
    """None."""


def copy(task):
    return {"copy": shutil.copyfile(task.inputs["audio"].path, task.folder / "copy.wav")}


@hookimpl
def librarian_operations():
    return [
        Operation(
            name="copy",
            version="1",
            run=f"{__name__}:copy",
            settings=CopySettings,
            inputs={"audio": Audio},
            outputs={"copy": Text},
            description="Copy a file.",
            reproducible="bytes",
        )
    ]
'''
JOB = """
librarian: 1
name: overhead
recordings:
  - {id: all, path: '../recordings/*.wav'}
steps:
  - {id: copies, use: copy, from: all}
"""
DODO = """
import hashlib
import shutil
from pathlib import Path

OUT = Path("out")


def copy(source, target):
    shutil.copyfile(source, target)
    hashlib.sha256(target.read_bytes()).hexdigest()


def task_copy():
    OUT.mkdir(exist_ok=True)
    for source in sorted(Path("../recordings").glob("*.wav")):
        target = OUT / source.name
        yield {
            "name": source.name,
            "actions": [(copy, (source, target))],
            "file_dep": [str(source)],
            "targets": [str(target)],
        }
"""
SNAKEFILE = """
from pathlib import Path

NAMES = sorted(path.stem for path in Path("../recordings").glob("*.wav"))

rule all:
    input: expand("out/{name}.wav", name=NAMES)

rule copy:
    input: "../recordings/{name}.wav"
    output: "out/{name}.wav"
    shell: "cp {input} {output} && sha256sum {output} > /dev/null"
"""


@dataclass(frozen=True)
class Measured:
    """One run: seconds of the process, seconds inside librarian's run, most memory held (bytes); None: not known."""

    seconds: float
    inside: float | None = None
    peak: int | None = None


class Tool(Protocol):
    """One who runs the tasks, in a folder beside the folder `recordings`."""

    @property
    def name(self) -> str:
        """What it is called in the tables."""

    def lay(self, folder: Path) -> None:
        """Write what it needs."""

    def run(self, folder: Path) -> Measured:
        """Run all that is to be done."""


class Limit:
    """The bare loop."""

    name = "limit"

    def lay(self, folder: Path) -> None:
        """Make its folders."""
        (folder / "out").mkdir()
        (folder / "staging").mkdir()

    def run(self, folder: Path) -> Measured:
        """Hash, copy, rename, commit; or look at what is there."""
        began = time.perf_counter()
        db = sqlite3.connect(folder / "made.db")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("CREATE TABLE IF NOT EXISTS made (name TEXT PRIMARY KEY, size, mtime, sha256) WITHOUT ROWID")
        with os.scandir(folder.parent / "recordings") as listing:
            for each in listing:
                self._one(db, each, folder)
        db.close()
        return Measured(time.perf_counter() - began)

    @staticmethod
    def _one(db: sqlite3.Connection, source: os.DirEntry[str], folder: Path) -> None:
        status, target = source.stat(), f"{folder}/out/{source.name}"
        row = db.execute("SELECT size, mtime FROM made WHERE name = ?", (source.name,)).fetchone()
        if row == (status.st_size, status.st_mtime_ns) and os.stat(target).st_size == status.st_size:
            return
        aside = f"{folder}/staging/{source.name}"
        with open(source.path, "rb") as file:
            content = file.read()
        with open(aside, "wb") as file:
            file.write(content)
        os.rename(aside, target)
        digest = hashlib.sha256(content).hexdigest()
        values = (source.name, status.st_size, status.st_mtime_ns, digest)
        db.execute("INSERT INTO made VALUES (?, ?, ?, ?)", values)
        db.commit()


@dataclass(frozen=True)
class Peer:
    """doit or snakemake: a command that reads one file."""

    name: str
    command: tuple[str, ...]
    file: str
    content: str

    def lay(self, folder: Path) -> None:
        """Write its file."""
        (folder / self.file).write_text(self.content)

    def run(self, folder: Path) -> Measured:
        """Start it."""
        return timed(self.command, folder, {"PYTHONPATH": "", "XDG_CACHE_HOME": os.fspath(folder)})


@dataclass(frozen=True)
class Librarian:
    """This project's command line, and an extension that copies."""

    workers: int

    @property
    def name(self) -> str:
        """With its number of workers."""
        return f"librarian, {self.workers} workers" if self.workers else "librarian, in process"

    def lay(self, folder: Path) -> None:
        """Write a job file and install the extension, for this folder only."""
        (folder / "job.yaml").write_text(JOB)
        site = folder / "site"
        metadata = site / "librarian_copying-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / "librarian_copying.py").write_text(EXTENSION)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: librarian-copying\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[librarian]\ncopying = librarian_copying\n")

    def run(self, folder: Path) -> Measured:
        """Start it, and read in its manifest when it began and ended."""
        path = os.pathsep.join(filter(None, (os.fspath(folder / "site"), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", str(self.workers)]
        whole = timed(command, folder, {"PYTHONPATH": path})
        return Measured(whole.seconds, inside_of(folder), whole.peak)


def inside_of(folder: Path) -> float:
    """Seconds that the last run in a project's folder took, as its manifest says."""
    lines = max((folder / "manifests").glob("*.jsonl")).read_bytes().splitlines()
    first, last = (json.loads(line)["body"] for line in (lines[0], lines[-1]))
    return (datetime.fromisoformat(last["ended"]) - datetime.fromisoformat(first["started"])).total_seconds()


def timed(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Measured:
    """Run a command to its end, with these variables in its environment, and its compiled modules two folders up."""
    # What is installed has its bytecode; what is run from its sources gets as much, and nothing is left there.
    bytecode = {"PYTHONPYCACHEPREFIX": os.fspath(folder.parents[1] / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    taken = take(command, folder, {**variables, **bytecode})
    return Measured(taken.seconds, peak=taken.peak or None)

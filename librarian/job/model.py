"""What a job is once it is understood: frozen values that plan and run work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.job.file import AudioFormat, JobFile
from librarian.job.yamltext import Place
from librarian.operation import Declaration, Port


@dataclass(frozen=True)
class Sighting:
    """Where a file of the owner's was seen, and what the file system said of it."""

    entry: str
    path: Path
    size: int
    device: int
    inode: int
    mtime_ns: int
    ctime_ns: int

    @property
    def stat_key(self) -> tuple[int, int, int, int, int]:
        """What changes when the file does."""
        return (self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns)


@dataclass(frozen=True)
class Recording:
    """The content of a source file.

    Attributes:
        id: `rec_…`, or `src_…` where the file cannot be read.
        sighting: where it was seen first.
        entries: the recordings entries it belongs to.
        sha256: hex digest of its bytes; empty where it cannot be read.
        reason: why it cannot be read.
        earlier: entries under which this run was handed it before.
    """

    id: str
    sighting: Sighting
    entries: frozenset[str]
    sha256: str = ""
    reason: str = ""
    earlier: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Source:
    """Where an input comes from: a recordings entry, or one output of a step."""

    entry: str = ""
    step: str = ""
    output: str = ""


@dataclass(frozen=True)
class Step:
    """A step, resolved: the operation, its settings, its inputs and outputs."""

    id: str
    declaration: Declaration
    settings: Mapping[str, Any]
    public: Mapping[str, Any]
    given: tuple[str, ...]
    models: Mapping[str, str]
    inputs: Mapping[str, tuple[Source, ...]]
    outputs: Mapping[str, Port]
    audio: AudioFormat | None


@dataclass(frozen=True)
class Job:
    """A job that can be planned. `steps` are in an order in which each comes after what it needs."""

    file: JobFile
    content: bytes
    folder: Path
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The job's name."""
        return self.file.name

    def words(self) -> Iterator[tuple[Place, str]]:
        """Every word that the owner chose and that stands in records, with its place."""
        yield ("name",), self.file.name
        for index, entry in enumerate(self.file.recordings):
            yield ("recordings", index, "id"), entry.id
        for index, step in enumerate(self.file.steps):
            yield ("steps", index, "id"), step.id

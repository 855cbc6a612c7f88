"""What a job is once it is understood: frozen values that plan and run work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from librarian.job.file import AudioFormat, JobFile
from librarian.job.yamltext import Place
from librarian.operation import Declaration, Effect, Port

Level = tuple[str, ...]
"""What a step works on, as the way from the whole job down to it: `()` the whole job, `GROUP`, `RECORDING`, and below
them the lists whose items it takes, as `step.output`. A level lies under each of its beginnings."""
JOB: Level = ()
GROUP: Level = ("group",)
RECORDING: Level = ("group", "recording")


def is_under(level: Level, other: Level) -> bool:
    """Whether each unit of a level belongs to one of `other`, or is one."""
    return level[: len(other)] == other


@dataclass(frozen=True, slots=True)
class Row:
    """What a list says of a recording.

    Attributes:
        file: which, as it stands there: the end of a path.
        label: what the owner calls it.
        steps: step → that step with this recording's settings.
    """

    file: str
    label: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A list of a recordings entry.

    Attributes:
        rows: line of the list → what it says.
        private: every text in it that may name someone.
        labels_are_public: whether labels may stand in records.
        unused: columns that set nothing.
        sha256: hex digest of its file.
    """

    rows: Mapping[int, Row]
    private: frozenset[str]
    labels_are_public: bool
    unused: tuple[str, ...]
    sha256: str = ""


class Sighting(NamedTuple):
    """Where a file of the owner's was seen, and what the file system said of it.

    Attributes:
        group: what it shares with the others of its group; empty where it has none.
        role: what it is in its group.
        label: what the owner calls it; empty where it has none.
        public: whether its label may stand in records.
        row: line of a list that is about it; 0 where none is.
        table: the recordings entry whose list that is.
        reason: why it cannot be read; empty where it can.
    """

    entry: str
    path: str
    size: int
    device: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    group: str = ""
    role: str = ""
    label: str = ""
    public: bool = False
    row: int = 0
    table: str = ""
    reason: str = ""

    @property
    def stat_key(self) -> tuple[int, int, int, int, int]:
        """What changes when the file does."""
        return (self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns)


class Recording(NamedTuple):
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


class Family(NamedTuple):
    """Recordings that are worked on together: a group, or one recording by itself.

    Attributes:
        recordings: its members. One recording may stand there twice, in two roles.
        roles: the role of each, and its place among the roles of its entry; empty for a recording by itself.
        group: `grp_…`; empty for a recording by itself.
        entry: the recordings entry of the group.
        missing: roles that none of its files has.
        label: what the owner calls it; empty where its members have no label in common.
    """

    recordings: tuple[Recording, ...]
    roles: tuple[tuple[int, str], ...] = ()
    group: str = ""
    entry: str = ""
    missing: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Source:
    """Where an input comes from: a recordings entry, or one output of a step."""

    entry: str = ""
    step: str = ""
    output: str = ""


@dataclass(frozen=True)
class Step:
    """A step, resolved: the operation, its settings, its inputs and outputs.

    Attributes:
        level: what its tasks work on.
        stage: how often everything before it has to be gathered first: steps of a stage go through the recordings
            together.
        leave_out: whether it gathers what is there where a member left nothing.
        scratch: bytes that a task holds on the disk for a second of sound while it works, beside its outputs.
        until_used: whether its results are dropped once all that takes them is done.
        hosts: hosts that it talks to, with the settings of any recording.
        effects: what else it does with them that a rule has to allow.
        only_clean: whether it may be given nothing that is private.
    """

    id: str
    declaration: Declaration
    settings: Mapping[str, Any]
    public: Mapping[str, Any]
    given: tuple[str, ...]
    models: Mapping[str, str]
    inputs: Mapping[str, tuple[Source, ...]]
    outputs: Mapping[str, Port]
    audio: AudioFormat | None
    level: Level = RECORDING
    stage: int = 0
    leave_out: bool = False
    scratch: float = 0.0
    until_used: bool = False
    hosts: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    only_clean: bool = False

    def gathers(self, port: str) -> bool:
        """Whether an input takes any number of files."""
        return self.declaration.inputs[port].many


@dataclass(frozen=True)
class Job:
    """A job that can be planned. `steps` are in an order in which each comes after what it needs.

    `tables` holds the list of each recordings entry that has one.
    """

    file: JobFile
    content: bytes
    folder: Path
    steps: tuple[Step, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The job's name."""
        return self.file.name

    def step_for(self, step: Step, sighting: Sighting) -> Step:
        """A step with the settings that a list gives for a recording."""
        if not sighting.row:
            return step
        return self.tables[sighting.table].rows[sighting.row].steps.get(step.id, step)

    def variants(self, step: Step) -> Iterator[Step]:
        """A step as the job file has it, then with the settings that lists give for single recordings."""
        yield step
        made = {id(row.steps[step.id]): row.steps[step.id] for row in self._rows() if step.id in row.steps}
        yield from made.values()

    def _rows(self) -> Iterator[Row]:
        for table in self.tables.values():
            yield from table.rows.values()

    def words(self) -> Iterator[tuple[Place, str]]:
        """Every word that the owner chose and that stands in records, with its place."""
        yield ("name",), self.file.name
        for index, entry in enumerate(self.file.recordings):
            yield ("recordings", index, "id"), entry.id
            for read, role in (entry.roles or {}).items():
                yield ("recordings", index, "roles", read), role
        models = {step.id: step.models for step in self.steps}
        for index, step in enumerate(self.file.steps):
            yield ("steps", index, "id"), step.id
            yield from ((("steps", index, "use"), model) for model in models.get(step.id, ()))

    def models(self) -> frozenset[str]:
        """The names of all models that it uses."""
        steps = [*self.steps, *(step for row in self._rows() for step in row.steps.values())]
        return frozenset(name for step in steps for name in step.models)

"""Units, tasks and how the steps of a job hang together: what a `Weave` is woven from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from librarian.job import GROUP, RECORDING, Family, Job, Level, Recording, Source, Step, is_under, is_whole, level_of

if TYPE_CHECKING:
    from librarian.plan.revised import Revised


@dataclass(eq=False, slots=True)
class Unit:
    """What a task works on.

    Attributes:
        id: its id; of the whole job, which has one for each step, empty.
        level: what it is.
        above: what it belongs to.
        recording: the recording that it is or belongs to.
        roles: the roles that its recording has in the group, each with its place among them.
        items: its number in the list it stands in, and above that in the lists that this belongs to.
        label: what the owner calls it.
    """

    id: str
    level: Level
    above: Unit | None = None
    recording: Recording | None = None
    roles: tuple[tuple[int, str], ...] = ()
    items: tuple[int, ...] = ()
    label: str = ""

    def at(self, level: Level) -> Unit | None:
        """What it belongs to at a level above, or itself."""
        unit: Unit | None = self
        while unit is not None and len(unit.level) > len(level):
            unit = unit.above
        return unit if unit is not None and unit.level == level else None

    @property
    def origin(self) -> str:
        """The recording or group that it is or belongs to; empty for the whole job and its items."""
        return self.recording.id if self.recording else self.line[-1].id

    @property
    def line(self) -> tuple[Unit, ...]:
        """Itself and everything it belongs to."""
        return (self,) if self.above is None else (self, *self.above.line)


class Input(NamedTuple):
    """One input of a task: a recording, or an output of another task.

    Attributes:
        port: of the operation.
        role: in a group, where it was gathered.
        id: of the recording or artifact.
        step: that made it; empty for a recording.
        output: of that step.
        recording: the recording or group that it comes from, where it was gathered.
        item: its number in a list; 0 where it stands in none.
        revised: whether a person made it, in the place of what the step had made.
    """

    port: str
    role: str
    id: str
    step: str
    output: str
    recording: str = ""
    item: int = 0
    revised: bool = False


class Absent(NamedTuple):
    """What should have been gathered and is not there: a role without a file, or a task that left nothing."""

    port: str
    role: str
    unit: str
    step: str


@dataclass(eq=False, slots=True)
class Node:
    """A task whose inputs are decided.

    Attributes:
        step: with the settings of this unit.
        unit: what it works on.
        inputs: in gathering order.
        absent: what is missing among them.
        lost: why it cannot be done: the step that left nothing for it, or `Node.NO_FILE` where a recording is missing
            or cannot be read; empty where it can.
        silent: whether this run has dealt with it before.
    """

    NO_FILE: ClassVar[str] = "a recording"

    step: Step
    unit: Unit
    silent: bool = False
    inputs: tuple[Input, ...] = ()
    absent: tuple[Absent, ...] = ()
    lost: str = ""
    emitted: bool = False


class Result(NamedTuple):
    """What became of a task: whether it left something, under which key; empty where that is not known yet.

    `dropped`: what it left was taken out of the library since.
    """

    key: str
    good: bool
    dropped: bool = False


_Order = tuple[int, str, tuple[int, ...], int]
"""Of what is gathered: place of the role, id of the recording, numbers in lists, place in `from`."""
Gathered = tuple[_Order, Input | Absent]


def place_of(gathered: Gathered) -> tuple[Any, ...]:
    """What is gathered stands in this order, whatever was made first."""
    order, each = gathered
    return (*order, each.role, each.id if isinstance(each, Input) else each.unit)


class Shape:
    """How the steps of a job hang together, and what stands in the place of their results; the same for every family.

    Args:
        job: the job.
        steps: those of its steps that were asked for.
        revised: what persons made in the place of results; None for nothing.
    """

    def __init__(self, job: Job, steps: Iterable[Step], revised: Revised | None = None) -> None:
        self.job, self.revised = job, revised
        self.steps = tuple(steps)
        self.by_id = {step.id: step for step in self.steps}
        self.gathers = {step.id: frozenset(port for port in step.inputs if step.gathers(port)) for step in self.steps}
        self.lists = {
            step.id: tuple(output for output, port in step.outputs.items() if port.many) for step in self.steps
        }
        self.ports = {step.id: tuple(sorted(step.inputs)) for step in self.steps}
        self.required = {step.id: tuple(_required(step)) for step in self.steps}
        self.counted = {
            step.id: (step.id, *(f"{step.id}.{output}" for output in self.lists[step.id])) for step in self.steps
        }
        self.needs = {step.id: self._needs(step) for step in self.steps}
        self.dependents: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            for need in sorted({each.partition(".")[0] for needed in self.needs[step.id] for each in needed}):
                self.dependents[need].append(step)
        self.stages = max((step.stage for step in self.steps), default=0) + 1
        self.entries = self._entries()
        self.of_groups = self._of_groups()

    def _entries(self) -> dict[str, frozenset[str]]:
        """Step → the recordings entries that it comes from, but for what passes through the whole job."""
        found: dict[str, frozenset[str]] = {}
        for step in self.steps:
            sources = [] if is_whole(step.level) else [each for given in step.inputs.values() for each in given]
            above = (found[each.step] if each.step else frozenset({each.entry}) for each in sources)
            found[step.id] = frozenset().union(*above)
        return found

    def _of_groups(self) -> frozenset[str]:
        """The steps of groups, and those of recordings and items whose results differ from group to group."""
        found: set[str] = set()
        for step in self.steps:
            sources = {each.step for given in step.inputs.values() for each in given}
            if not is_whole(step.level) and (not is_under(step.level, RECORDING) or sources & found):
                found.add(step.id)
        return frozenset(found)

    def _needs(self, step: Step) -> tuple[tuple[str, ...], ...]:
        """For each source that is a step: what must be decided, that step itself and the lists that it stands in."""
        found = []
        for sources in step.inputs.values():
            for source in sources:
                if source.step:
                    level = level_of(source, self.by_id)
                    found.append((source.step, *(each for each in level if "." in each)))
        return tuple(found)

    def level_of(self, source: Source) -> Level:
        """What the files that come from a source are of, one by one."""
        return level_of(source, self.by_id) if source.step else RECORDING

    def of_stage(self, stage: int) -> tuple[Step, ...]:
        """The steps that go through the families in a stage: its own, and those whose results they need."""
        wanted: set[str] = set()
        for step in reversed(self.steps):
            if step.stage == stage or (step.id in wanted and not is_whole(step.level)):
                wanted.add(step.id)
                wanted.update(source.step for sources in step.inputs.values() for source in sources if source.step)
        return tuple(step for step in self.steps if step.id in wanted and not is_whole(step.level))

    def whole(self, stage: int) -> tuple[Step, ...]:
        """The steps of the whole job at the end of a stage."""
        return tuple(step for step in self.steps if step.stage == stage and is_whole(step.level))

    def applying(self, entries: Collection[str]) -> set[str]:
        """The steps that work on recordings of these entries, on their groups and items."""
        found: set[str] = set()
        for step in self.steps:
            if is_whole(step.level):
                found.add(step.id)
            elif all(
                any(source.entry in entries or source.step in found for source in sources)
                for sources in self.required[step.id]
            ):
                found.add(step.id)
        return found


def _required(step: Step) -> Iterator[Sequence[Source]]:
    """The sources of each port that may not be left out."""
    return (sources for port, sources in step.inputs.items() if not step.declaration.inputs[port].optional)


def units_of(family: Family) -> list[Unit]:
    """The group and the recordings of a family."""
    public = all(recording.sighting.public for recording in family.recordings)
    group = Unit(family.group, GROUP, label=family.label if public else "") if family.group else None
    found: dict[str, Unit] = {}
    for number, recording in enumerate(family.recordings):
        roles = (family.roles[number],) if family.roles and family.roles[number][1] else ()
        name = recording.id or f"?{number}"
        if name in found:
            found[name].roles += roles
        else:
            sighting = recording.sighting
            found[name] = Unit(name, RECORDING, group, recording, roles, (), sighting.label if sighting.public else "")
    return [*([group] if group else []), *found.values()]

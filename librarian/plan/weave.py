"""Which tasks there are, and when the inputs of each are decided. Pure: it is told what became of every task.

A *family* of units is worked through together: the recordings of a group, or one recording, and the items that their
steps put out on the way. The whole job is a family of its own, whose inputs were gathered from all the others. A
`Weave` hands out a task once everything it takes is decided, and takes back what became of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from librarian.job import GROUP, JOB, RECORDING, Family, Level, Source, Step, is_under, is_whole
from librarian.keys import IdKey
from librarian.plan.shape import Absent, Gathered, Input, Node, Result, Shape, Unit, place_of

_AFTER_ALL = 1 << 30


class Weave:
    """The tasks of one family.

    Args:
        shape: how the steps hang together.
        steps: those that are walked, in their order.
        id_key: makes ids.
        units: the recordings and the group; the whole job.
        outer: results of the whole job that were made before.
        gathered: for the whole job, what was gathered from each source; None where that is not known.
        stage: steps of earlier stages were dealt with before.
    """

    def __init__(
        self,
        shape: Shape,
        steps: Sequence[Step],
        id_key: IdKey,
        units: Sequence[Unit],
        *,
        family: Family | None = None,
        outer: Mapping[str, Result] | None = None,
        gathered: Mapping[Source, Sequence[Gathered] | None] | None = None,
        stage: int = 0,
    ) -> None:
        self.family = family
        self._shape, self._id_key = shape, id_key
        self._outer, self._stage = outer or {}, stage
        self._units: dict[Level, list[Unit]] = defaultdict(list)
        self._items: dict[tuple[str, str], list[Unit]] = {}
        self._nodes: dict[tuple[str, str], Node] = {}
        self._results: dict[tuple[str, str], Result] = {}
        self._undecided: dict[tuple[str, str], int] = defaultdict(int)
        self._spoiled: set[str] = set()
        self._ready: deque[Node] = deque()
        for unit in units:
            self._units[unit.level].append(unit)
        self.go_on(steps, gathered or {})

    def go_on(self, steps: Sequence[Step], gathered: Mapping[Source, Sequence[Gathered] | None]) -> None:
        """Take up steps, for the whole job those of its next stage; what there was before is not done again."""
        self._steps, self._gathered = steps, gathered
        for node in self._nodes.values():
            node.silent = True
        for step in steps:
            for unit in self._units.get(step.level, ()):
                self._add(step, unit)
        for node in list(self._nodes.values()):
            self._emit(node)

    def __len__(self) -> int:
        """Tasks that are not decided."""
        return len(self._nodes) - len(self._results)

    def ready(self) -> Node | None:
        """A task whose inputs are decided, each once."""
        return self._ready.popleft() if self._ready else None

    def decided(self) -> Iterator[tuple[Node, Result]]:
        """The tasks that are decided, and what became of each."""
        return ((self._nodes[each], result) for each, result in self._results.items())

    def waiting(self) -> Iterator[Node]:
        """The tasks whose inputs are not decided."""
        return (node for node in self._nodes.values() if not node.emitted)

    def _add(self, step: Step, unit: Unit) -> Node | None:
        if unit.recording is None and not self._belongs(step):
            return None
        for sources in self._shape.required[step.id]:
            if not any(self._exists(source, unit) for source in sources):
                return None
        own = self._with_list(step, unit) if self._shape.job.tables else step
        node = Node(own, unit, self._is_silent(step, unit))
        self._nodes[step.id, unit.id] = node
        for above in unit.line:
            for each in self._shape.counted[step.id]:
                self._undecided[each, above.id] += 1
        return node

    def _belongs(self, step: Step) -> bool:
        """Whether a step is one of this group's recordings entry: others may hold the same recordings."""
        entries = self._shape.entries[step.id]
        return self.family is None or not entries or self.family.entry in entries

    def _with_list(self, step: Step, unit: Unit) -> Step:
        recordings = [unit.recording] if unit.recording else self.family.recordings if self.family else ()
        for recording in recordings:
            own = self._shape.job.step_for(step, recording.sighting)
            if own is not step:
                return own
        return step

    def _is_silent(self, step: Step, unit: Unit) -> bool:
        if step.stage < self._stage:
            return True
        earlier = unit.recording.earlier if unit.recording and step.id not in self._shape.of_groups else None
        return bool(earlier) and step.id in self._shape.applying(earlier or ())

    def _exists(self, source: Source, unit: Unit) -> bool:
        """Whether anything can come from a source for a unit."""
        if self._gathered and source in self._gathered:
            return True
        if not source.step:
            if unit.recording:
                return source.entry in unit.recording.entries
            return any(source.entry in each.recording.entries for each in self._recordings(unit) if each.recording)
        if source.step in self._outer:
            return True
        step = self._shape.by_id[source.step]
        while not is_under(unit.level, step.level) and step.level not in (GROUP, RECORDING):
            step = self._shape.by_id[step.level[-1].partition(".")[0]]
        if is_under(unit.level, step.level):
            above = unit.at(step.level)
            return above is not None and (step.id, above.id) in self._nodes
        return any((step.id, each.id) in self._nodes for each in self._units[step.level] if unit in each.line)

    def _recordings(self, unit: Unit) -> Iterable[Unit]:
        above = unit.at(RECORDING)
        return (above,) if above else (each for each in self._units[RECORDING] if unit in each.line)

    def _emit(self, node: Node) -> None:
        if node.emitted or not self._is_decided(node):
            return
        node.emitted = True
        self._take(node)
        self._ready.append(node)

    def _is_decided(self, node: Node) -> bool:
        unit = node.unit
        if self._gathered and any(self._gathered.get(each, ()) is None for each in _sources(node.step)):
            return False
        for required in self._shape.needs[node.step.id]:
            step = self._shape.by_id[required[0]]
            if step.id in self._outer or (self._gathered and not is_whole(step.level)):
                continue
            if is_under(unit.level, step.level):
                above = unit.at(step.level)
                if above and (step.id, above.id) in self._nodes and (step.id, above.id) not in self._results:
                    return False
                if above and any(self._undecided[each, above.id] for each in required[1:]):
                    return False  # its list is not known, which happens in a plan only
            elif any(self._undecided[each, unit.id] for each in required):
                return False
        return True

    def again(self, node: Node) -> Node:
        """A task that was handed out, with its inputs as they are now."""
        node.lost, node.absent = "", ()
        self._take(node)
        return node

    def gather_again(self, gathered: Mapping[Source, Sequence[Gathered] | None]) -> None:
        """Take in what was gathered a second time: results that were dropped may have been made again otherwise."""
        self._gathered = gathered

    def spoil(self, recording: str) -> None:
        """Take in that a recording cannot be read."""
        self._spoiled.add(recording)

    def _take(self, node: Node) -> None:
        """Look up the inputs of a task."""
        found: list[Input] = []
        absent: list[Absent] = []
        for port in self._shape.ports[node.step.id]:
            given = self._given(node, port)
            lost = [each for _, each in given if isinstance(each, Absent)]
            there = [each for _, each in given if isinstance(each, Input)]
            optional = node.step.declaration.inputs[port].optional
            may_lack = node.step.leave_out and port in self._shape.gathers[node.step.id] and (there or optional)
            found += there
            if lost and not may_lack and not node.lost:
                node.lost = lost[0].step or Node.NO_FILE
                absent = [*lost, *absent]  # why it is lost stands first
            else:
                absent += lost
        node.inputs, node.absent = tuple(found), tuple(absent)

    def _given(self, node: Node, port: str) -> list[Gathered]:
        gathers = port in self._shape.gathers[node.step.id]
        found: list[Gathered] = []
        for place, source in enumerate(node.step.inputs[port]):
            if self._gathered and source in self._gathered:
                whole = self._gathered[source] or ()
                given = ((order, self._now(each._replace(port=port))) for order, each in whole)
                found += (((*order[:-1], place), each) for order, each in given)
            else:
                found += self._from(source, node.unit, port, place)
                if found and not gathers:
                    break  # one recording, however many of the entries it belongs to
        if gathers and node.unit.level == GROUP and self.family and self._is_of_members(node.step, port):
            missing = enumerate(self.family.missing)
            found += (((_AFTER_ALL, "", (), number), Absent(port, role, "", "")) for number, role in missing)
        return list(_once(sorted(found, key=place_of))) if gathers else found

    def _now(self, each: Input | Absent) -> Input | Absent:
        """What was gathered, as it is now: a recording may have turned out to be broken."""
        if isinstance(each, Input) and each.id in self._spoiled:
            return Absent(each.port, each.role, each.id, "")
        return each

    def _is_of_members(self, step: Step, port: str) -> bool:
        """Whether a step of groups gathers from their members, and not only from what was made of them together."""
        return any(is_under(self._shape.level_of(source), RECORDING) for source in step.inputs[port])

    def knows(self, source: Source) -> bool:
        """Whether all that this family gives to a task of the whole job is decided."""
        lists = [each for each in self._shape.level_of(source) if "." in each]
        tops = self._units[GROUP] or self._units[RECORDING]
        return not any(self._undecided[each, top.id] for each in (source.step, *lists) for top in tops)

    def offered(self, source: Source) -> Iterator[Gathered]:
        """What this family gives to a task of the whole job."""
        tops = self._units[GROUP] or self._units[RECORDING]
        for unit in tops:
            yield from self._from(source, unit, "", 0, deep=True)

    def _from(self, source: Source, unit: Unit, port: str, place: int, *, deep: bool = False) -> Iterator[Gathered]:
        """What comes from a source for a unit: one file from above it, or all from below it."""
        level = self._shape.level_of(source)
        if source.step and source.step in self._outer:
            yield (0, "", (), place), self._made(source, self._outer[source.step], Unit("", JOB), port, "")
            return
        gathered = deep or not is_under(unit.level, level)
        named = gathered and not is_under(unit.level, RECORDING)  # within a recording there is but one role
        start = unit.at(level) if is_under(unit.level, level) else unit
        for each, lost in self._below(level, start) if start else ():
            roles = each.roles if named and each.roles else ((0, ""),)
            for rank, role in roles:
                order = (rank, each.origin, each.items, place)
                if lost:
                    yield order, Absent(port, role, each.id, lost)
                elif found := self._one(source, each, port, role, each.origin if gathered else ""):
                    yield order, found

    def _one(self, source: Source, unit: Unit, port: str, role: str, origin: str) -> Input | Absent | None:
        if not source.step:
            recording = unit.recording
            if recording is None or source.entry not in recording.entries:
                return None
            if recording.reason or recording.id in self._spoiled:
                return Absent(port, role, recording.id, "")
            return Input(port, role, recording.id, "", "", origin)
        if self._shape.by_id[source.step].outputs[source.output].many:
            by_hand = self._shape.revised.of_item(unit.id) if self._shape.revised else ""
            place = (source.step, source.output, origin, unit.items[-1])
            return Input(port, role, by_hand or unit.id, *place, revised=bool(by_hand))
        result = self._results.get((source.step, unit.id))
        return self._made(source, result, unit, port, role, origin) if result else None

    def _made(
        self, source: Source, result: Result, unit: Unit, port: str, role: str, origin: str = ""
    ) -> Input | Absent:
        by_hand = self._by_hand(source, unit)
        if not (result.good or by_hand):
            return Absent(port, role, unit.id, source.step)
        made = by_hand or (self._id_key.artifact(result.key, source.output) if result.key else "")
        place = (source.step, source.output, origin, unit.items[-1] if unit.items else 0)
        return Input(port, role, made, *place, revised=bool(by_hand))

    def _by_hand(self, source: Source, unit: Unit) -> str:
        """What a person made in the place of an output of a task, if anybody did."""
        if not self._shape.revised:
            return ""
        of = unit.id or self._id_key.whole_job(self._shape.job.name, source.step)
        return self._shape.revised.of(source.step, of, source.output)

    def _below(self, level: Level, unit: Unit) -> Iterator[tuple[Unit, str]]:
        """The units of a level that belong to a unit; of a list that is not there, what should have had it and why."""
        if unit.level == level:
            yield unit, ""
        elif level in (GROUP, RECORDING):
            yield from ((each, "") for each in self._units[level] if unit.level == JOB or unit in each.line)
        else:
            step = level[-1].partition(".")[0]
            for above, lost in self._below(level[:-1], unit):
                result = self._results.get((step, above.id))
                if lost or (result and not result.good):
                    yield above, lost or step
                elif result:
                    yield from ((each, "") for each in self._items.get((level[-1], above.id), ()))

    def decide(self, node: Node, result: Result, items: Mapping[str, Sequence[str]] | None = None) -> Counter[str]:
        """Take in what became of a task.

        Args:
            node: the task.
            result: what became of it.
            items: output → ids of the items of each list that it put out; None where they cannot be known yet.

        Returns:
            Step → tasks that came up with the items and are not silent.
        """
        step, unit = node.step, node.unit
        self._results[step.id, unit.id] = result
        found: Counter[str] = Counter()
        for output in self._shape.lists[step.id] if items is not None else ():
            ids = items.get(output, ()) if items and result.good else ()
            found += self._add_items(step, unit, output, ids)
        known = self._shape.counted[step.id] if items is not None else (step.id,)
        for above in unit.line:
            for each in known:
                self._undecided[each, above.id] -= 1
        for each_step in self._shape.dependents[step.id]:
            for dependent in self._dependents(each_step, unit):
                self._emit(dependent)
        return found

    def _add_items(self, step: Step, unit: Unit, output: str, ids: Sequence[str]) -> Counter[str]:
        level = (*step.level, f"{step.id}.{output}")
        made = [
            Unit(each, level, unit, unit.recording, unit.roles, (*unit.items, number), unit.label)
            for number, each in enumerate(ids, 1)
        ]
        self._items[level[-1], unit.id] = made
        self._units[level] += made
        taken = [each for each in self._steps if each.level == level]
        nodes = (self._add(each, item) for each in taken for item in made)
        return Counter(node.step.id for node in nodes if node and not node.silent)

    def _dependents(self, step: Step, unit: Unit) -> Iterator[Node]:
        """The tasks of a step that may take what a unit's task made."""
        if is_under(unit.level, step.level):
            above = unit.at(step.level)
            units: Iterable[Unit] = (above,) if above else ()
        else:
            units = (each for each, _ in self._below(step.level, unit))
        for each in units:
            if node := self._nodes.get((step.id, each.id)):
                yield node


def _once(gathered: Iterable[Gathered]) -> Iterator[Gathered]:
    """A recording counts once, however many of the entries it belongs to."""
    seen: set[tuple[str, str]] = set()
    for order, each in gathered:
        name = each.role, each.id if isinstance(each, Input) else each.unit
        if each.step or not name[1]:
            yield order, each
        elif name not in seen:
            seen.add(name)
            yield order, each


def _sources(step: Step) -> Iterator[Source]:
    return (source for sources in step.inputs.values() for source in sources)

"""Families of units through their steps.

Families come in as their recordings are identified; their tasks are planned as their inputs are decided, probed, and
go to workers. What belongs to the whole job follows once all families are through; steps that take what came of it go
through the families again.
"""

from __future__ import annotations

import time
from collections import ChainMap, deque
from collections.abc import Callable, Mapping
from typing import Any

from librarian.events import Observer, RunEnded, RunEnding, TaskEnded, TasksFound, TasksKnown, TasksStand
from librarian.job import JOB, Family, Recording, Step, is_whole
from librarian.manifest.chain import GOOD
from librarian.manifest.records import OutcomeLine
from librarian.plan import (
    Absent,
    Foresight,
    Gathering,
    Node,
    Result,
    Task,
    Unit,
    Uses,
    Weave,
    items_of,
    units_of,
)
from librarian.recordings import Identifier
from librarian.run.census import Census
from librarian.run.commit import Committer
from librarian.run.halt import HURRIED, Halt
from librarian.run.inputs import Known
from librarian.run.ledger import Ledger
from librarian.run.looking import Looking, UnderWay
from librarian.run.session import Session
from librarian.run.work import Work
from librarian.workers.messages import cause

DRAIN_SECONDS = 10.0
"""How long tasks that run are given when a signal asks the run to stop."""
LOOK_AGAIN = 0.2
"""How often it is looked, at the least, whether something ends the run (s): who asks for it is answered at once."""
_PATIENCE = 0.05


class Conductor:
    """Brings the families of one job through their steps."""

    def __init__(
        self,
        session: Session,
        committer: Committer,
        work: Work,
        foresight: Foresight,
        observe: Observer,
        halt: Halt,
        census: Census,
        uses: Uses,
    ) -> None:
        self._session, self._committer, self._work = session, committer, work
        self._foresight, self._planner, self._shape = foresight, foresight.planner, foresight.shape
        self._observe, self._halt = observe, halt
        self._ready: deque[tuple[UnderWay, Node]] = deque()
        self._making: dict[str, list[tuple[UnderWay, Node]]] = {}
        self._census, self._uses = census, uses
        self._looking = Looking(session, work)
        self._ledger = Ledger(session.job_name, session.catalog)
        self._outer: dict[str, Result] = {}
        self._gathering = Gathering(self._shape, 0)
        self._offered: dict[str, Recording] = {}
        weave = Weave(self._shape, (), session.project.id_key, [Unit("", JOB)])
        self._whole = UnderWay(weave, Known(self._offered))
        self._recordings = 0
        self._stage = 0
        self._walked: tuple[Step, ...] = ()
        self._held: list[Node] = []
        self._goes_again = False

    def conduct(self, identify: Callable[[], Identifier]) -> RunEnded:
        """Work until all is done, or something ends it early.

        Args:
            identify: goes through the recordings from the first on.
        """
        began = time.monotonic()
        halted = False
        for stage in range(self._shape.stages):
            self._stage = stage
            halted = self._through_families(identify) or self._through_whole(identify)
            if halted:
                break
        found = self._ledger
        counts = {step.id: dict(found.counts[step.id]) for step in self._shape.steps if step.id in found.counts}
        spent = time.monotonic() - began
        return RunEnded(
            job=self._session.job_id,
            recordings=self._recordings,
            counts=counts,
            seconds=spent,
            interrupted=halted,
            withheld=dict(found.withheld),
            failures=found.failures,
            absent=0 if self._census.absent_ok else len(self._census.absent),
            held=self._census.too_few and any(is_whole(step.level) for step in self._shape.steps),
        )

    def _through_families(self, identify: Callable[[], Identifier]) -> bool:
        """Bring every family through the steps of this stage; whether it ended early."""
        self._walked = self._shape.of_stage(self._stage)
        self._gathering = Gathering(self._shape, self._stage)
        if not self._walked and not self._gathering:
            return False
        identifier = identify()
        try:
            halted = self._go(identifier)
            if not halted and self._stage == 0 and not self._goes_again:
                self._census.take(identifier.units)
            return halted
        finally:
            identifier.close()

    def _through_whole(self, identify: Callable[[], Identifier]) -> bool:
        """Do what belongs to the whole job at the end of this stage; whether it ended early."""
        steps = self._shape.whole(self._stage)
        if not steps:
            return False
        self._whole.weave.go_on(steps, self._gathering.gathered())
        self._advance(self._whole)
        halted = self._go(None)
        while self._held and not halted:
            halted = self._make_again(identify) or self._go(None)
        return halted

    def _make_again(self, identify: Callable[[], Identifier]) -> bool:
        """Go through the families for what the whole job takes and was dropped; whether that ended early."""
        held, self._held = self._held, []
        self._goes_again = True
        halted = self._through_families(identify)
        self._goes_again = False
        self._whole.weave.gather_again(self._gathering.gathered())
        self._ready.extend((self._whole, self._whole.weave.again(node)) for node in held)
        return halted

    def _go(self, identifier: Identifier | None) -> bool:
        """Work until nothing is left; whether something ended it early."""
        while not self._why_halted():
            self._hand_out(identifier)
            exhausted = identifier is None or identifier.exhausted
            due = self._committer.due_in()
            idle = self._work.is_short and not self._ready
            if not due or self._committer.is_under_way or (self._committer and idle):
                self._committer.go_on()
            elif exhausted and not self._work and not self._ready:
                return False
            else:
                self._work.answer(min(_PATIENCE if not exhausted else LOOK_AGAIN, due))
        dropped = self._drain()
        if self._work.disk_full:
            self._work.refuse_full_disk()
        return dropped or bool(self._ready or self._work) or not (identifier is None or identifier.exhausted)

    def _why_halted(self) -> str:
        return self._halt.why(failed=self._committer.failures, disk_full=self._work.disk_full)

    def _hand_out(self, identifier: Identifier | None) -> None:
        """Begin what can be begun, as much as the workers take."""
        while self._work.has_room and not self._why_halted() and self._committer.due_in():
            if self._ready:
                self._handle(*self._ready.popleft())
            elif identifier is None or not (family := self._next(identifier)):
                return
            else:
                self._admit(family)

    def _drain(self) -> bool:
        """Commit what has ended; let what runs end, for a while only where a signal came; and commit that.

        Returns:
            Whether something that no worker had begun was dropped.
        """
        dropped = self._work.drop_queued()
        why = self._why_halted()
        self._observe(RunEnding(why, len(self._work), DRAIN_SECONDS if why in HURRIED else None))
        until = time.monotonic() + DRAIN_SECONDS
        self._committer.commit()
        while self._work and not (self._why_halted() in HURRIED and time.monotonic() >= until):
            self._work.answer(_PATIENCE)
        self._committer.commit()
        return dropped

    def _next(self, identifier: Identifier) -> Family | None:
        return identifier.next_ready(wait=0.0 if self._work or self._committer else _PATIENCE)

    def _admit(self, family: Family) -> None:
        if self._stage == 0 and not self._goes_again:
            self._recordings += sum(not each.earlier for each in family.recordings)

        def woven() -> Weave:
            here = (self._shape, self._walked, self._session.project.id_key, units_of(family))
            return Weave(*here, family=family, outer=self._outer, stage=self._stage + self._goes_again)

        if self._foresight and any(each.earlier for each in family.recordings):
            self._committer.commit()  # what is to be dropped and may be taken here, is dropped before that is looked at
        planned = self._foresight.family(woven)
        self._uses.admit(family)
        before = self._whole.known.hashed
        known = Known({each.id: each for each in family.recordings}, hashed=ChainMap({}, before) if before else {})
        self._advance(UnderWay(woven(), known, planned))

    def _advance(self, family: UnderWay) -> None:
        """Put what can be done next in the queue; of a family that is through, keep what the whole job gathers."""
        while node := family.weave.ready():
            self._ready.append((family, node))
        if family.weave:
            return
        for unit, steps in family.stood.items():
            self._observe(TasksStand(unit, tuple(steps)))
        family.stood.clear()
        if family is not self._whole or not self._census.too_few:  # else it waits for others
            self._committer.drop(self._uses.through(family.weave, self._stage))
        if family is not self._whole:
            for each in self._gathering.take(family.weave):
                if not each.step:
                    self._offered[each.id] = family.known.recordings[each.id]
                elif each.id in family.known.hashed:
                    self._whole.known.hashed[each.id] = family.known.hashed[each.id]

    def _handle(self, family: UnderWay, node: Node) -> None:
        held = self._census.too_few and is_whole(node.step.level)
        planner = self._planner.cautious() if held else self._planner
        task = family.planned.pop((node.step.id, node.unit.id), None) or planner.task(node)
        if held and task.state == "todo" and not (node.lost or node.silent):
            why = cause("absent", message="too many of the recordings that it takes are not there")
            self._committer.not_started(task, why, self._ends(family, node, task), outcome="skipped")
        elif node.lost:
            self._lose(family, node, task)
        elif task.key in self._making:
            self._making[task.key].append((family, node))
        elif task.state == "current":
            self._stand(family, node, task)
        elif task.state == "known":
            self._recall(family, node, task)
        elif task.state == "elsewhere":
            if node.silent:
                self._end(family, node, task, None)
            else:
                self._committer.cached(task, self._ends(family, node, task))
        elif node.silent and self._planner.has_failed(task):
            self._decide(family, node, Result(task.key, False))
        elif family is self._whole and self._foresight.asks(task):
            self._held.append(node)
        else:
            if node.silent:  # it stood before
                self._ledger.uncount(task)
                self._observe(TasksFound({task.step.id: 1}))
            self._making[task.key] = []
            self._looking.into(family, task, lambda: self._looked_into(family, node, task))

    def _stand(self, family: UnderWay, node: Node, task: Task) -> None:
        if not node.silent:
            self._ledger.count(task, "cached")
            family.stood.setdefault(task.unit, []).append(task.step.id)
        self._decide(family, node, Result(task.key, True, task.dropped))

    def _recall(self, family: UnderWay, node: Node, task: Task) -> None:
        """Take in that a task failed before and would fail again; a line is written only where none says so here."""
        if node.silent:
            self._decide(family, node, Result(task.key, False))
            return
        said = self._session.catalog.ended_badly(self._session.job_name, task.step.id, task.unit)
        if said == ("failed", task.before):
            self._known(family, node, task, "failed", task.before)
        else:
            why = cause(task.before, message="it failed so before")
            self._committer.not_started(task, why, self._ends(family, node, task))

    def _known(self, family: UnderWay, node: Node, task: Task, outcome: str, reason: str) -> None:
        """Count a task that did not end well before, and about which there is nothing new to say."""
        self._fail(family, node, task, outcome, reason, tried=False)
        self._observe(TasksKnown(task.step.id, outcome, (task.unit,)))
        self._decide(family, node, Result(task.key, False))

    def _fail(self, family: UnderWay, node: Node, task: Task, outcome: str, reason: str, *, tried: bool) -> None:
        first = node.absent[0] if node.lost else None
        behind = first is not None and (first.step, first.unit) in family.settled and not task.step.gathers(first.port)
        if self._ledger.fail(task, outcome, reason, tried=tried, settled=behind):
            family.settled.add((task.step.id, task.unit))

    def _lose(self, family: UnderWay, node: Node, task: Task) -> None:
        """Record what cannot be done; a task that reads a broken recording has failed, others are skipped."""
        if node.silent:
            self._decide(family, node, Result("", False))
            return
        if task.state == "known":
            return self._known(family, node, task, "skipped", task.before)
        first = node.absent[0]
        why, outcome = cause("input_failed", message=_why_lost(first)), "skipped"
        if first.unit and not first.step and not task.step.gathers(first.port):
            why, outcome = {**(family.causes.get(first.unit) or self._unusable(family, first.unit))}, "failed"
        ends = self._ends(family, node, task)
        if outcome == "failed" and (tried := family.tried.get((task.step.id, task.unit))):
            task = task._replace(key=tried.key, document=tried.document)  # what is remembered has a key
        self._committer.not_started(task, why, ends, outcome=outcome)

    def _unusable(self, family: UnderWay, unit: str) -> Mapping[str, Any]:
        """Why a recording cannot be worked on."""
        if job := self._session.catalog.forgotten_in(unit):
            back = f"to take it again, type: librarian privacy forget --allow-again {unit}"
            return cause("refused", message=f"it was forgotten by {job}; {back}")
        return cause("unreadable", message=family.known.recordings[unit].reason)

    def _looked_into(self, family: UnderWay, node: Node, task: Task) -> None:
        if self._why_halted() or any(each.id in family.causes for each in task.inputs):
            family.tried[task.step.id, task.unit] = task
            family.weave.again(node)
            self._ready.append((family, node))
            self._release(task.key)
        else:
            self._start(family, node, task)

    def _start(self, family: UnderWay, node: Node, task: Task) -> None:
        self._work.start(family.known, task, node.unit.recording, self._ends(family, node, task))

    def _ends(self, family: UnderWay, node: Node, task: Task) -> Callable[[OutcomeLine], None]:
        """What is to be done once the line of a task is durable."""
        return lambda line: self._end(family, node, task, line)

    def _end(self, family: UnderWay, node: Node, task: Task, line: OutcomeLine | None) -> None:
        """Take in what became of a task; `line` says it, None where nothing had to be said."""
        if line is not None and line.outcome in GOOD:
            self._ledger.count(task, line.outcome)
        elif line is not None:
            self._fail(family, node, task, line.outcome, line.cause.reason if line.cause else "error", tried=True)
        if line is not None:
            self._observe(self._ended(task, line))
        self._decide(family, node, Result(task.key, line is None or line.outcome in GOOD))
        self._release(task.key)

    def _ended(self, task: Task, line: OutcomeLine) -> TaskEnded:
        return TaskEnded(
            step=task.step.id,
            unit=task.unit,
            outcome=line.outcome,
            seconds=line.timings.worked,
            audio_seconds=line.audio_seconds or 0.0,
            reason=line.cause.reason if line.cause else "",
            message=line.cause.message if line.cause and line.cause.message else self._committer.nothing,
            facts=line.produced[0].facts if line.produced else {},
            label=task.label,
        )

    def _decide(self, family: UnderWay, node: Node, result: Result) -> None:
        lists = self._shape.lists[node.step.id]
        items = items_of(self._session.catalog, result.key if result.good else "", lists) if lists else {}
        if found := family.weave.decide(node, result, items):
            self._observe(TasksFound(dict(found)))
        if is_whole(node.step.level) and node.unit.level == JOB:
            self._outer[node.step.id] = result
        self._advance(family)

    def _release(self, key: str) -> None:
        """Let those go on that waited for the same to be made."""
        self._ready.extend(self._making.pop(key, ()))


def _why_lost(first: Absent) -> str:
    if first.step:
        return f"the step {first.step} left nothing to work on"
    return "a recording that it needs cannot be read" if first.unit else f"no file of the group is its {first.role}"

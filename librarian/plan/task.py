"""What there is to do about a task, and why: its inputs + the catalog → a `Task`. Pure: nothing is read or written.

A task's key is known before anything runs, since it says how a thing is made and not what came out. So the plan
looks the key up; where it is unknown but the step has a current result, the two key documents say what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from librarian.job import JOB, Job, Step
from librarian.keys import IdKey, key_document
from librarian.manifest.catalog import Catalog, Current, Made, Standing
from librarian.manifest.store import folder_of
from librarian.operation import TEXT
from librarian.plan.changes import INPUT_CHANGED, describe, differences
from librarian.plan.memory import Memory
from librarian.plan.revised import ByHand
from librarian.plan.shape import Absent, Input, Node

State = Literal["current", "elsewhere", "todo", "known"]
"""Done and current; done under another step or job; to be done; failed before, and would fail again."""
UNREADABLE = "cannot be read"
LACKING = "lacks something that it needs"
NOT_READ = "not read yet"
BEHIND_LIST = "after a list that is not made yet"
ASKED_FOR = "asked for"
DROPPED = "dropped"
NEW = "new"


class Task(NamedTuple):
    """One step applied to one unit.

    Attributes:
        step: the step, with the settings of this unit.
        unit: id of the unit.
        key: the task key; empty where an input has no digest.
        document: what the key is the HMAC of.
        inputs: in the order of the key document.
        absent: what should have been gathered and is not there.
        state: what is to be done about it.
        why: why there is something to do, in a few words; empty where there is nothing.
        folder: where its artifacts lie, relative to the library.
        redo: whether the key was made before, so that a folder is replaced.
        replaces: whether a good result stands that would no longer be current.
        withheld: why it would be done again, where it was left as it is.
        label: what the owner calls the unit.
        before: class of the cause for which it did not end well the last time; empty where it did, or never ended.
        dropped: whether its result was dropped: done, it rests so; to be done, it is made again.
        by_hand: whether it is done again for no other reason than that a person revised what it takes.
    """

    step: Step
    unit: str
    key: str
    document: Mapping[str, Any]
    inputs: tuple[Input, ...]
    absent: tuple[Absent, ...]
    state: State
    why: str
    folder: str
    redo: bool = False
    replaces: bool = False
    withheld: str = ""
    label: str = ""
    before: str = ""
    dropped: bool = False
    by_hand: bool = False

    @property
    def home(self) -> str:
        """The unit in whose folder its artifacts lie: the first for which they were made."""
        return self.folder.split("/")[1]


@dataclass(frozen=True)
class Policy:
    """What is done again.

    Attributes:
        upgrade: new versions of operations, models and defaults are followed.
        redo: steps that are done again whatever the record says.
        degraded: results that the memory ladder changed are made again.
        suspect: what was made from results that are not what was recorded is made again, as these are anyway.
        only_new: what has a good result is left as it is.
        failed: what failed before is tried again, also where the cause lies in the recording.
        dropped: what was dropped is made again, but for what is kept only until it is used.
        developed: packages whose code counts as a part of how a thing is made.
    """

    upgrade: bool = False
    redo: frozenset[str] = frozenset()
    degraded: bool = False
    suspect: bool = False
    only_new: bool = False
    failed: bool = False
    dropped: bool = False
    developed: frozenset[str] = frozenset()


class Planner:
    """Plans a job, task by task.

    Args:
        job: the job.
        catalog: what was made so far.
        id_key: makes keys and ids.
        in_place: (file, relative to the library; its size) → whether it is there.
        policy: what is done again.
        run: the job id of the run that does what is planned; what it made itself is not done again.
        versions: package → version, of what is installed: under others a failure is not remembered.

    Attributes:
        asked: task key of what was dropped and is needed → the step that needs it (`Foresight` finds them).
    """

    def __init__(
        self,
        job: Job,
        catalog: Catalog,
        id_key: IdKey,
        in_place: Callable[[str, int], bool],
        policy: Policy = Policy(),
        *,
        run: str = "",
        versions: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._job, self._catalog, self._id_key = job, catalog, id_key
        self._in_place, self._policy, self._run = in_place, policy, run
        self._from_suspects = catalog.made_from_suspects() if policy.suspect else frozenset()
        self.asked: dict[str, str] = {}
        self._by_hand = ByHand(catalog, id_key)
        self._memory = Memory(job.name, catalog, versions)
        self._has_wishes = bool(policy.redo) or policy.degraded or policy.suspect

    def task(self, node: Node) -> Task:
        """What there is to do about a task whose inputs are decided."""
        step, unit = node.step, self.unit_id(node)
        if not unit or any(not each.id for each in node.inputs):
            return self._over(self._unknown(node, unit, NOT_READ))
        if node.lost:
            return self._lost(node, unit)
        document = key_document(
            operation=step.declaration.full_name,
            version=step.declaration.version,
            settings=step.public,
            models=step.models,
            inputs=[(each.port, each.role, each.id) for each in node.inputs],
            audio=step.audio.model_dump() if step.audio else None,
            code=step.declaration.code if step.declaration.extension in self._policy.developed else "",
        )
        key = self._id_key.task(document)
        folder = folder_of(unit, step.declaration.name, key)
        planned = (step, unit, key, document, node.inputs, node.absent)
        current: Current | None = None
        if self._has_wishes:
            current = self._catalog.current(self._job.name, step.id, unit)
            if self._is_asked_for(step, key, current):
                made = self._catalog.made(key)
                standing, folder = bool(made or (current and current.good)), made.folder if made else folder
                task = Task(*planned, "todo", ASKED_FOR, folder, bool(made), replaces=standing, label=node.unit.label)
                return task._replace(before=_reason_of(current))
        known, stands = self._standing(step, unit, key)
        if stands is not None:
            done = Task(*planned, "current", "", stands.folder, redo=True, label=node.unit.label)
            return done._replace(dropped=True) if stands.dropped else done
        current = current or (self._catalog.current(self._job.name, step.id, unit) if known else None)
        task = self._compared(Task(*planned, "todo", "", folder, label=node.unit.label), current)
        return self._remembered(task, current) if task.state == "todo" else task

    def _remembered(self, task: Task, current: Current | None) -> Task:
        """A task that is to be done, or would fail as it did before."""
        reason = "" if task.redo or self._policy.failed else self._memory.reason(task, current)
        if reason:
            task = task._replace(state="known", why=f"failed before: {reason.replace('_', ' ')}")
        return task._replace(before=reason or _reason_of(current))

    def _lost(self, node: Node, unit: str) -> Task:
        """A task that lacks something. Where it lacked the same before, nothing is to be said again."""
        first, step = node.absent[0], node.step.id
        outcome, before = self._catalog.ended_badly(self._job.name, step, unit)
        if not first.step and first.unit:
            return self._unknown(node, unit, UNREADABLE)._replace(before=before)
        task = self._unknown(node, unit, LACKING)._replace(before=before)
        same = (outcome, before) == ("skipped", "input_failed") and not node.step.gathers(first.port)
        return task._replace(state="known", why="skipped before") if same and not self._policy.failed else task

    def cautious(self) -> Planner:
        """One that leaves alone what has a good result."""
        made = copy(self)
        made._policy, made._has_wishes = replace(self._policy, only_new=True), False
        return made

    def waiting(self, node: Node) -> Task:
        """A task whose inputs are not decided, since a list before it is not made yet."""
        return self._over(self._unknown(node, self.unit_id(node), BEHIND_LIST))

    def _over(self, task: Task) -> Task:
        """A task whose inputs are not known: where it has a good result, that would no longer be current."""
        current = self._catalog.current(self._job.name, task.step.id, task.unit) if task.unit else None
        return task._replace(replaces=bool(current and current.good))

    def has_failed(self, task: Task) -> bool:
        """Whether it did not end well in this run."""
        current = self._catalog.current(self._job.name, task.step.id, task.unit)
        return current is not None and current.job == self._run and not current.good

    def unit_id(self, node: Node) -> str:
        """The id of what a task works on; empty where it is not known yet."""
        if node.unit.level == JOB:
            return self._id_key.whole_job(self._job.name, node.step.id)
        return "" if node.unit.id.startswith("?") else node.unit.id

    def _unknown(self, node: Node, unit: str, why: str) -> Task:
        return Task(node.step, unit, "", {}, node.inputs, node.absent, "todo", why, "", label=node.unit.label)

    def _is_asked_for(self, step: Step, key: str, current: Current | None) -> bool:
        """Whether it is done again whatever the record says; what this run did itself is not."""
        if self._policy.only_new or (current and current.job == self._run):
            return False
        was_degraded = current is not None and current.outcome == "degraded"
        degraded = self._policy.degraded and was_degraded
        return step.id in self._policy.redo or degraded or key in self._from_suspects

    def _standing(self, step: Step, unit: str, key: str) -> tuple[bool, Standing | None]:
        """Whether anything is current, and what is there where nothing is to be done.

        Nearly every task of nearly every run: one look-up, and stats.
        """
        known, found = self._catalog.standing(self._job.name, step.id, unit, key)
        there = found is not None and all(self._in_place(*each) for each in found.files)
        again = found is not None and found.dropped and self._again(step, key, rests=not found.lapsed)
        return known, found if there and not again else None

    def _again(self, step: Step, key: str, *, rests: bool) -> str:
        """Why what was dropped is made again; empty where it is done with: what rests, and what is used and no more."""
        if key in self.asked:
            return f"made again for {self.asked[key]}"
        if step.until_used:
            return ""
        return ASKED_FOR if self._policy.dropped else "" if rests else DROPPED

    def _compared(self, new: Task, current: Current | None) -> Task:
        judged = self._judge(new, new.document, current)
        if current is None or not current.good or current.document is None or current.key == new.key:
            return judged
        stays = self._stays(current, new)
        if not stays and not self._policy.only_new:
            return self._redone(judged._replace(replaces=bool(judged.why)), current)
        kept = self._judge(new, current.document, current)
        if kept.why:  # what has to be made again is made by what is installed now, and its key says so
            return judged._replace(why=f"{kept.why}, {judged.why}" if judged.why else "", dropped=kept.dropped)
        return kept if stays else kept._replace(withheld=judged.why)

    def _redone(self, task: Task, current: Current) -> Task:
        """A task that is done again as the owner has it, and why where that is by a revision."""
        if INPUT_CHANGED not in task.why or current.document is None:
            return task
        said, explained = self._by_hand.reason(current.document, task.inputs)
        task = task._replace(why=task.why.replace(INPUT_CHANGED, said or INPUT_CHANGED))
        only_inputs = all(part == "inputs" for part, *_ in differences(current.document, task.document))
        return self._by_hand.follow(task) if explained and only_inputs else task

    def _judge(self, new: Task, document: Mapping[str, Any], current: Current | None) -> Task:
        key = new.key if document is new.document else self._id_key.task(document)
        made = self._catalog.made(key)
        is_current = bool(current and current.key == key and current.good)
        why = self._why(made, document, new.step, current, is_current)
        state: State = "todo" if why else "current" if is_current else "elsewhere"
        folder = made.folder if made else folder_of(new.unit, new.step.declaration.name, key)
        new = new._replace(key=key, document=document, state=state, why=why, folder=folder, redo=made is not None)
        return new._replace(dropped=True) if made and made.dropped else new

    def _stays(self, current: Current, new: Task) -> bool:
        """Whether the current result counts although the key is another: the owner changed nothing."""
        if self._policy.upgrade:
            return False
        owner = {*new.step.given, *current.given}
        changes = list(differences(current.document or {}, new.document))
        is_developed = "code" in new.document
        return bool(changes) and all(
            place in ("schema", "version", "models")
            or (place == "code" and not is_developed)
            or (place == "settings" and name not in owner)
            for place, name, _, _ in changes
        )

    def _why(
        self, made: Made | None, document: Mapping[str, Any], step: Step, current: Current | None, is_current: bool
    ) -> str:
        if made is not None and made.dropped:
            return self._again(step, made.key, rests=is_current and not made.lapsed)
        if made is not None:
            if any(artifact.suspect for artifact in made.artifacts):
                return "suspect"
            there = all(self._in_place(artifact.file, artifact.bytes) for artifact in made.artifacts)
            return "" if there else "result missing"
        if current is not None and current.reason:
            return f"{current.outcome} before: {current.reason.replace('_', ' ')}"
        if current is None or current.document is None:
            return NEW
        return describe(current.document, document, step) or NEW


def seal_value(value: Any, id_key: IdKey, texts: dict[str, str]) -> Any:
    """A public setting with keyed digests where it holds free text; digest → text is put into `texts`."""
    if isinstance(value, Mapping):
        if set(value) == {TEXT}:
            digest = id_key.text(value[TEXT])
            texts[digest] = value[TEXT]
            return digest
        return {name: seal_value(each, id_key, texts) for name, each in value.items()}
    return [seal_value(each, id_key, texts) for each in value] if isinstance(value, (list, tuple)) else value


def seal_texts(job: Job, id_key: IdKey) -> tuple[Job, dict[str, str]]:
    """Put keyed digests where the settings hold free text.

    Returns:
        The job with digests, and digest → text for the vault.
    """
    texts: dict[str, str] = {}

    def sealed_step(step: Step) -> Step:
        return replace(step, public=seal_value(step.public, id_key, texts))

    own: dict[int, Step] = {}
    for table in job.tables.values():
        for row in table.rows.values():
            for step in row.steps.values():
                if id(step) not in own:
                    own[id(step)] = sealed_step(step)
    tables = {
        entry: replace(
            table,
            rows={
                line: replace(row, steps={name: own[id(step)] for name, step in row.steps.items()})
                for line, row in table.rows.items()
            },
        )
        for entry, table in job.tables.items()
    }
    return replace(job, steps=tuple(map(sealed_step, job.steps)), tables=tables), texts


def _reason_of(current: Current | None) -> str:
    """The class of the cause for which it did not end well the last time; empty where it did."""
    return current.reason if current and not current.good else ""

"""What there is to do for a unit, and why: job + recording + catalog → tasks. Pure: nothing is read or written.

A task's key is known before anything runs, since it says how a thing is made and not what came out. So the plan
looks the key up; where it is unknown but the step has a current result, the two key documents say what changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from librarian.job import Job, Recording, Source, Step
from librarian.keys import IdKey, canonical, key_document
from librarian.manifest.catalog import Catalog, Current, Made
from librarian.manifest.store import folder_of
from librarian.operation import TEXT

State = Literal["current", "elsewhere", "todo"]
"""Done and current; done under another step or job; to be done."""


@dataclass(frozen=True)
class Input:
    """One input of a task: a recording, or an output of another task of the same unit."""

    port: str
    role: str
    id: str
    step: str
    output: str


@dataclass(frozen=True)
class Task:
    """One step applied to one unit.

    Attributes:
        step: the step.
        unit: id of the unit.
        key: the task key; empty where the recording cannot be read.
        document: what the key is the HMAC of.
        inputs: in the order of the key document.
        state: what is to be done about it.
        why: why there is something to do, in a few words; empty where there is nothing.
        folder: where its artifacts lie, relative to the library.
        redo: whether the key was made before, so that a folder is replaced.
    """

    step: Step
    unit: str
    key: str
    document: Mapping[str, Any]
    inputs: tuple[Input, ...]
    state: State
    why: str
    folder: str
    redo: bool = False


class Planner:
    """Plans a job, unit by unit.

    Args:
        job: the job.
        catalog: what was made so far.
        id_key: makes keys and ids.
        in_place: (file, relative to the library; its size) → whether it is there.
        upgrade: whether new versions of operations, models and defaults are followed.
    """

    def __init__(
        self,
        job: Job,
        catalog: Catalog,
        id_key: IdKey,
        in_place: Callable[[str, int], bool],
        *,
        upgrade: bool = False,
    ) -> None:
        self._job, self._catalog, self._id_key = job, catalog, id_key
        self._in_place, self._upgrade = in_place, upgrade

    def tasks(self, recording: Recording) -> list[Task]:
        """The tasks of a recording, each after what it needs; those of its `earlier` entries are left out."""
        tasks: dict[str, Task] = {}
        applies = _applicable(self._job, recording.entries)
        before = _applicable(self._job, recording.earlier)
        for step in self._job.steps:
            if step.id in applies:
                tasks[step.id] = self._task(step, recording, tasks)
        return [task for step, task in tasks.items() if step not in before]

    def _task(self, step: Step, recording: Recording, tasks: Mapping[str, Task]) -> Task:
        inputs = tuple(self._inputs(step, recording, tasks))
        if not recording.sha256:
            return Task(step, recording.id, "", {}, inputs, "todo", "cannot be read", "")
        document = key_document(
            operation=step.declaration.full_name,
            version=step.declaration.version,
            settings=step.public,
            models=step.models,
            inputs=[(each.port, each.role, each.id) for each in inputs],
            audio=step.audio.model_dump() if step.audio else None,
        )
        key = self._id_key.task(document)
        if self._stands(step, recording.id, key):
            folder = folder_of(recording.id, step.declaration.name, key)
            return Task(step, recording.id, key, document, inputs, "current", "", folder, redo=True)
        current = self._catalog.current(self._job.name, step.id, recording.id)
        new = self._judge(step, recording.id, document, inputs, current)
        if not (current and self._keep(current, document, step)):
            return new
        kept = self._judge(step, recording.id, dict(current.document or {}), inputs, current)
        # What has to be made again is made by what is installed now, and its key says so.
        return replace(new, why=f"{kept.why}, {new.why}" if new.why else "") if kept.why else kept

    def _stands(self, step: Step, unit: str, key: str) -> bool:
        """Whether nothing is to be done. Nearly every task of nearly every run: one look-up, and a stat a file."""
        files = self._catalog.standing(self._job.name, step.id, unit, key)
        return files is not None and all(self._in_place(*each) for each in files)

    def _judge(
        self,
        step: Step,
        unit: str,
        document: Mapping[str, Any],
        inputs: tuple[Input, ...],
        current: Current | None,
    ) -> Task:
        key = self._id_key.task(document)
        made = self._catalog.made(key)
        why = self._why(made, document, step, current)
        state: State = "todo" if why else "current" if current and current.key == key and current.good else "elsewhere"
        folder = folder_of(unit, step.declaration.name, key)
        return Task(step, unit, key, document, inputs, state, why, folder, redo=made is not None)

    def _inputs(self, step: Step, recording: Recording, tasks: Mapping[str, Task]) -> Iterator[Input]:
        for port in sorted(step.inputs):
            for source in step.inputs[port]:
                if source.step in tasks:
                    made = self._id_key.artifact(tasks[source.step].key, source.output)
                    yield Input(port, "", made, source.step, source.output)
                elif source.entry in recording.entries:
                    yield Input(port, "", recording.id, "", "")
                    break  # one recording, however many of the entries it belongs to

    def _keep(self, current: Current, document: Mapping[str, Any], step: Step) -> bool:
        """Whether the current result counts although the key is another: the owner changed nothing."""
        if self._upgrade or not current.good or current.document is None:
            return False
        owner = {*step.given, *current.given}
        changes = list(differences(current.document, document))
        return bool(changes) and all(
            place in ("schema", "version", "models") or (place == "settings" and name not in owner)
            for place, name, _, _ in changes
        )

    def _why(self, made: Made | None, document: Mapping[str, Any], step: Step, current: Current | None) -> str:
        if made is not None:
            if any(artifact.suspect for artifact in made.artifacts):
                return "suspect"
            there = all(self._in_place(artifact.file, artifact.bytes) for artifact in made.artifacts)
            return "" if there else "result missing"
        if current is None or current.document is None:
            return "new"
        if current.reason:
            return f"{current.outcome} before: {current.reason.replace('_', ' ')}"
        return describe(current.document, document, step) or "new"


def seal_texts(job: Job, id_key: IdKey) -> tuple[Job, dict[str, str]]:
    """Put keyed digests where the settings hold free text.

    Returns:
        The job with digests, and digest → text for the vault.
    """
    texts: dict[str, str] = {}

    def sealed(value: Any) -> Any:
        if isinstance(value, Mapping):
            if set(value) == {TEXT}:
                digest = id_key.text(value[TEXT])
                texts[digest] = value[TEXT]
                return digest
            return {name: sealed(each) for name, each in value.items()}
        return [sealed(each) for each in value] if isinstance(value, (list, tuple)) else value

    steps = tuple(replace(step, public=sealed(step.public)) for step in job.steps)
    return replace(job, steps=steps), texts


def expected_tasks(job: Job, entries: Iterable[str]) -> dict[str, int]:
    """Step → tasks, from the recordings entry of each file: files with the same content are counted apart."""
    found = dict.fromkeys((step.id for step in job.steps), 0)
    for entry, files in Counter(entries).items():
        for step in _applicable(job, frozenset({entry})):
            found[step] += files
    return found


def _applicable(job: Job, entries: frozenset[str]) -> set[str]:
    found: set[str] = set()

    def comes(source: Source) -> bool:
        return source.entry in entries or source.step in found

    for step in job.steps:
        if step.inputs and all(any(map(comes, sources)) for sources in step.inputs.values()):
            found.add(step.id)
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """Where two key documents differ: (part, name, old value, new value)."""
    for part in ("schema", "operation", "version", "inputs", "audio"):
        if _differ(old, new, part):
            yield part, "", old.get(part), new.get(part)
    for part in ("settings", "models"):
        before, after = old.get(part) or {}, new.get(part) or {}
        for name in sorted({*before, *after}):
            if _differ(before, after, name):
                yield part, name, before.get(name), after.get(name)


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    # As the key sees it: what is null is not what is left out, and 1 is not true.
    return (name in old) != (name in new) or canonical(old.get(name)) != canonical(new.get(name))


def describe(old: Mapping[str, Any], new: Mapping[str, Any], step: Step) -> str:
    """What changed between two key documents, as `target −16 → −20 LUFS`."""
    return ", ".join(_describe_one(step, *change) for change in differences(old, new))


def _describe_one(step: Step, part: str, name: str, before: Any, after: Any) -> str:
    if part == "inputs":
        return "its input changed"
    if part == "audio":
        before, after = (f"{each.get('format')} {each.get('bits')}" if each else "none" for each in (before, after))
    if part == "models" or _is_text(before) or _is_text(after):
        return f"{name} changed"
    unit = step.declaration.settings_schema.get("properties", {}).get(name, {}).get("unit", "")
    return f"{name or part} {_show(before)} → {_show(after)}{' ' + unit if unit else ''}"


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, dict, list)) and "text:" in str(value)


def _show(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.12g}".replace("-", "\N{MINUS SIGN}")
    return "default" if value is None else str(value)

"""Units through their steps.

Recordings come in as they are identified, are planned and probed, and their tasks go to workers as inputs become
available.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from librarian.errors import EnvironmentFailedError
from librarian.events import Observer, RunEnded, TaskEnded, TaskProgressed, TasksStand, TaskStarted
from librarian.files import StatKey, hash_file, stat_key
from librarian.job import Recording
from librarian.keys import seed
from librarian.manifest.catalog import MadeArtifact
from librarian.manifest.records import GOOD, Consumed, OutcomeLine
from librarian.plan import Input, Planner, Task
from librarian.recordings import Identifier
from librarian.run.commit import Attempt, Committer
from librarian.run.session import Session
from librarian.workers import requests
from librarian.workers.messages import Message, cause
from librarian.workers.pool import Request, Workers

PROBE_TIMEOUT = 60.0
UNITS_PER_WORKER = 4
"""Requests under way at once, so that workers never wait for the conductor."""
_PATIENCE = 0.05


@dataclass
class Unit:
    """A recording under way: what is to be done, what is being done, and which steps left results.

    `hashed` holds artifacts whose bytes this run hashed itself, with the stat that they had then.
    """

    recording: Recording
    todo: dict[str, Task]
    running: dict[str, Task] = field(default_factory=dict)
    good: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)
    hashed: dict[str, StatKey] = field(default_factory=dict)


class Conductor:
    """Brings the units of one job through their steps."""

    def __init__(
        self, session: Session, workers: Workers, planner: Planner, committer: Committer, observe: Observer
    ) -> None:
        self._session, self._workers, self._planner = session, workers, planner
        self._committer, self._observe = committer, observe
        self._then: dict[Request, Callable[[Message], None]] = {}
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._recordings = 0
        self._timeout: float | None = None

    def conduct(self, identifier: Identifier, timeout: float | None, stopped: Callable[[], int]) -> RunEnded:
        """Work until all is done, or a signal stops it. `timeout` is each task's at the most (s)."""
        began, self._timeout = time.monotonic(), timeout
        most = UNITS_PER_WORKER * max(1, self._workers.size)
        while (self._then or not identifier.exhausted) and not stopped():
            while len(self._then) < most and not stopped() and (recording := self._next(identifier)):
                self._admit(recording)
            for request, answer in self._workers.wait(1.0 if identifier.exhausted else _PATIENCE):
                self._then.pop(request)(answer)
        interrupted = bool(self._then) or not identifier.exhausted
        counts = {step: dict(found) for step, found in sorted(self._counts.items())}
        return RunEnded(self._session.job_id, self._recordings, counts, time.monotonic() - began, interrupted)

    def _next(self, identifier: Identifier) -> Recording | None:
        return identifier.next_ready(wait=0.0 if self._then else _PATIENCE)

    def _admit(self, recording: Recording) -> None:
        tasks = self._planner.tasks(recording)
        self._recordings += not recording.earlier
        unit = Unit(recording, {task.step.id: task for task in tasks if task.state == "todo"})
        unit.good.update(task.step.id for task in tasks if task.state == "current")
        if unit.good:
            self._observe(TasksStand(recording.id, tuple(unit.good)))
        for step in unit.good:
            self._counts[step]["cached"] += 1
        for task in tasks:
            if task.state == "elsewhere":
                self._end(unit, task, self._committer.cached(task))
        if unit.todo:
            self._probe(unit)

    def _probe(self, unit: Unit) -> None:
        recording = unit.recording
        if not recording.sha256:
            self._fail_readers(unit, cause("unreadable", message=recording.reason))
            return
        unit.facts = self._session.vault.facts(recording.id) or {}
        if unit.facts or not any(map(_reads_recording, unit.todo.values())):
            self._advance(unit)
            return
        request = Request(requests.probe(recording.sighting.path), PROBE_TIMEOUT)
        self._submit(request, lambda answer: self._probed(unit, answer))

    def _probed(self, unit: Unit, answer: Message) -> None:
        if answer["type"] == "done":
            unit.facts = answer["facts"]
            self._session.vault.note_facts(unit.recording.id, unit.facts)
            self._advance(unit)
        else:
            self._fail_readers(unit, answer["cause"])

    def _fail_readers(self, unit: Unit, why: Mapping[str, Any]) -> None:
        for task in [task for task in unit.todo.values() if _reads_recording(task)]:
            del unit.todo[task.step.id]
            self._end(unit, task, self._committer.not_started(task, why))
        self._advance(unit)

    def _submit(self, request: Request, then: Callable[[Message], None]) -> None:
        self._then[request] = then
        self._workers.submit(request)

    def _advance(self, unit: Unit) -> None:
        """Start, or skip, every task of a unit whose inputs are decided."""
        for task in list(unit.todo.values()):
            needed = {given.step for given in task.inputs if given.step}
            undecided = needed & (unit.todo.keys() | unit.running.keys())
            being_made = any(other.key == task.key for other in unit.running.values())
            if undecided or being_made:
                continue
            del unit.todo[task.step.id]
            if lost := sorted(needed - unit.good):
                why = cause("input_failed", message=f"the step {lost[0]} left nothing to work on")
                self._end(unit, task, self._committer.not_started(task, why, outcome="skipped"))
            elif not task.redo and self._session.catalog.made(task.key):
                self._end(unit, task, self._committer.cached(task))
            else:
                self._start(unit, task)

    def _start(self, unit: Unit, task: Task) -> None:
        consumed = tuple(self._consumed(unit, given) for given in task.inputs)
        before = self._stats(task)
        if wrong := self._wrong_inputs(unit, task):
            self._session.catalog.suspect(wrong)
            why = cause(
                "input_changed", message="an artifact it needs is not what was recorded; run again to remake it"
            )
            self._end(unit, task, self._committer.not_started(task, why, consumed))
            return
        unit.running[task.step.id] = task
        request = Request(self._request(unit, task), self._timeout or task.step.declaration.resources.timeout)

        def prepare(worker: str) -> None:
            folder = self._session.store.open_task(
                self._session.job_id, worker, task.unit, task.step.declaration.name, task.key
            )
            request.message["folder"] = os.fspath(folder)
            self._observe(TaskStarted(task.step.id, task.unit))

        def answered(answer: Message) -> None:
            attempt = Attempt(task, Path(request.message["folder"]), consumed, request.waited)
            self._answered(unit, attempt, before, answer)

        request.prepare = prepare
        request.on_interim = lambda message: self._interim(task, message)
        self._submit(request, answered)

    def _answered(self, unit: Unit, attempt: Attempt, before: list[StatKey], answer: Message) -> None:
        del unit.running[attempt.task.step.id]
        if answer["type"] == "failed" and answer["cause"].get("reason") == "disk":
            self._refuse_full_disk()
        wrong = self._wrong_inputs(unit, attempt.task) if self._stats(attempt.task) != before else []
        if wrong or (_reads_recording(attempt.task) and _changed(unit.recording)):
            self._session.catalog.suspect(wrong)
            line = self._committer.failed(attempt, cause("input_changed", message="it changed while it was read"))
        elif answer["type"] == "done":
            line = self._committer.done(attempt, answer)
            self._note_hashed(unit, line)
        else:
            line = self._committer.failed(attempt, answer["cause"])
        self._end(unit, attempt.task, line)
        self._advance(unit)

    def _refuse_full_disk(self) -> None:
        free = shutil.disk_usage(self._session.project.library).free
        raise EnvironmentFailedError(
            f"the disk takes no more: library/, {free / 2**20:.0f} MiB free there; make room and type the same again: "
            "what was committed is kept"
        )

    def _interim(self, task: Task, message: Message) -> None:
        if message["type"] == "state":
            self._session.vault.save_state(task.key, message["value"])
        else:
            self._observe(TaskProgressed(task.step.id, task.unit, float(message["fraction"])))

    def _end(self, unit: Unit, task: Task, line: OutcomeLine) -> None:
        if line.outcome in GOOD:
            unit.good.add(task.step.id)
        self._counts[task.step.id][line.outcome] += 1
        facts = line.produced[0].facts if line.produced else {}
        message = line.cause.message if line.cause and line.cause.message else self._committer.scrub("")
        reason = line.cause.reason if line.cause else ""
        seconds = sum(line.timings.model_dump().values()) - line.timings.wait
        sound = float(unit.facts.get("seconds", 0.0))
        self._observe(TaskEnded(task.step.id, task.unit, line.outcome, seconds, sound, reason, message, facts))

    def _request(self, unit: Unit, task: Task) -> Message:
        return requests.run(
            task.step.declaration,
            task.step.settings,
            {given.port: self._source(unit, given) for given in task.inputs},
            unit=task.unit,
            seed=seed(task.key),
            audio=task.step.audio.model_dump() if task.step.audio else None,
            device=self._session.device,
            state=self._session.vault.state(task.key),
        )

    def _source(self, unit: Unit, given: Input) -> Message:
        if not given.step:
            return requests.source(unit.recording.sighting.path, "audio", given.role, unit.facts)
        made = self._session.catalog.artifact(given.id)
        return requests.source(self._session.project.library / made.file, made.kind, given.role, made.facts)

    def _wrong_inputs(self, unit: Unit, task: Task) -> list[str]:
        """The artifacts among a task's inputs whose bytes are not those that were recorded."""
        return [made.id for made in self._artifacts(task) if not self._is_as_recorded(unit, made)]

    def _artifacts(self, task: Task) -> list[MadeArtifact]:
        return [self._session.catalog.artifact(given.id) for given in task.inputs if given.step]

    def _stats(self, task: Task) -> list[StatKey]:
        paths = [self._session.project.library / made.file for made in self._artifacts(task)]
        return [stat_key(path.lstat()) for path in paths if path.exists()]

    def _note_hashed(self, unit: Unit, line: OutcomeLine) -> None:
        for each in line.produced:
            path = self._session.project.library / f"{line.folder}/{each.file}"
            unit.hashed[each.id] = stat_key(path.lstat())

    def _is_as_recorded(self, unit: Unit, made: MadeArtifact) -> bool:
        path = self._session.project.library / made.file
        try:
            if unit.hashed.get(made.id) == stat_key(path.lstat()):
                return True
            _, sha256 = hash_file(path)
        except OSError:
            return False
        return self._session.project.id_key.content(sha256, private=made.private) == made.digest

    def _consumed(self, unit: Unit, given: Input) -> Consumed:
        if given.step:
            digest = self._session.catalog.artifact(given.id).digest
        else:
            digest = self._session.project.id_key.content(unit.recording.sha256, private=True)
        return Consumed(port=given.port, role=given.role or None, id=given.id, digest=digest)


def _reads_recording(task: Task) -> bool:
    return any(not given.step for given in task.inputs)


def _changed(recording: Recording) -> bool:
    sighting = recording.sighting
    try:
        now = stat_key(os.stat(sighting.path))
    except OSError:
        return True
    return now != sighting.stat_key and not _same_content(recording)


def _same_content(recording: Recording) -> bool:
    # A chmod or a new hard link changes the stat and not the content.
    try:
        return hash_file(recording.sighting.path)[1] == recording.sha256
    except OSError:
        return False

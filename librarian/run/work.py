"""Requests under way: recordings that are looked into, tasks that workers have. Their ends go to the committer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from librarian.errors import EnvironmentFailedError
from librarian.events import Observer, Said, TaskProgressed, TaskStarted
from librarian.files import room
from librarian.job import Recording, Step
from librarian.keys import seed
from librarian.manifest.chain import GOOD
from librarian.manifest.records import OutcomeLine
from librarian.plan import Task
from librarian.run.breakers import Breakers
from librarian.run.commit import Attempt, Committer, Then
from librarian.run.devices import device_for
from librarian.run.inputs import Inputs, Known, note_hashed
from librarian.run.probes import AT_ONCE, Probes
from librarian.run.session import Session
from librarian.workers import requests
from librarian.workers.asking import Workers
from librarian.workers.messages import Message, cause
from librarian.workers.requests import Request, route_of

ROOM_KEPT = 64 << 20
"""Where less is free, the run ends while what is done can still be recorded (bytes)."""
PAUSES = (2.0, 10.0, 30.0)
"""After which a task is tried again whose servers could not be reached (s)."""
LOOK_AGAIN = 1.0
"""How often that is looked at (s)."""
MOST_LATER = 50
"""Tasks that wait to be tried again, at the most: others go on beside them."""
PROBES_PER_WORKER = 4 * AT_ONCE
"""Recordings that are looked into, for each worker: each of them waits in memory, with all that hangs on it."""


class Work:
    """What workers are asked to do.

    Args:
        session: the run.
        workers: who do it.
        committer: takes what came of it.
        observe: told when tasks begin and get on.
        timeout: of each task at the most (s); None: as its operation says.
        taken: the steps whose results others take.
    """

    def __init__(
        self,
        session: Session,
        workers: Workers,
        committer: Committer,
        observe: Observer,
        timeout: float | None,
        taken: Collection[str],
    ) -> None:
        self._session, self._workers, self._committer = session, workers, committer
        self._observe, self._timeout, self._taken = observe, timeout, taken
        self._then: dict[Request, Callable[[Message], None]] = {}
        self._probes = Probes(self._submit)
        self._looked_at = 0.0
        self._routes: dict[str, tuple[Step, str]] = {}
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._ending = False
        self._breakers = Breakers()
        self.disk_full = False

    def __len__(self) -> int:
        """Requests under way."""
        return len(self._then) + len(self._later) + bool(self._probes)

    @property
    def has_room(self) -> bool:
        """Whether more can be asked for."""
        if len(self._later) >= MOST_LATER:
            return False
        probes = PROBES_PER_WORKER * max(1, self._workers.size)
        return len(self) - len(self._later) < self._workers.useful and self._probes.open < probes

    @property
    def is_short(self) -> bool:
        """Whether a worker has nothing to do, or soon."""
        return len(self) - len(self._later) < max(1, self._workers.size)

    def answer(self, wait: float) -> None:
        """Take what came back; wait for it at most so long (s)."""
        self._probes.send()
        wait = self._try_again(wait)
        if self._later and not self._then:
            time.sleep(max(0.0, wait))  # workers who have nothing to do do not wait
        for request, answer in self._workers.wait(wait):
            self._then.pop(request)(answer)
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AGAIN:
            self._looked_at = now
            self.disk_full |= self._free() < ROOM_KEPT

    def _try_again(self, wait: float) -> float:
        """Ask again for what is due; until when nothing more is, as far as `wait` goes (s)."""
        now = time.monotonic()
        due = [again for at, again in self._later if at <= now]
        self._later = [each for each in self._later if each[0] > now]
        for again in due:
            again()
        return min([wait, *(at - now for at, _ in self._later)])

    def drop_queued(self) -> bool:
        """Take back what no worker has begun, or would be tried again; whether there was any."""
        self._ending, waited = True, bool(self._later)
        self._later.clear()
        dropped = self._workers.drop_queued()
        for request in dropped:
            del self._then[request]
        waiting = len(self._probes)
        self._probes.drop()
        return bool(dropped or waiting or waited)

    def refuse_full_disk(self) -> None:
        """End the run: nothing more can be written.

        Raises:
            EnvironmentFailedError: always.
        """
        raise EnvironmentFailedError(
            f"the disk takes no more: library/, {room(self._session.project.library)}; make room and type the same "
            "again: what was committed is kept"
        )

    def _free(self) -> int:
        return shutil.disk_usage(self._session.project.library).free

    def probe(self, recording: Recording, then: Callable[[Message], None]) -> None:
        """Look into a recording."""
        self._probes.add(recording, then)

    def _submit(self, request: Request, then: Callable[[Message], None]) -> None:
        self._then[request] = then
        self._workers.submit(request)

    def start(self, known: Known, task: Task, recording: Recording | None, then: Then) -> None:
        """Have a task done.

        Args:
            known: what is known of the files that it may read.
            task: the task.
            recording: what it belongs to, if anything.
            then: told of its line.
        """
        self._try(known, task, recording, then, ())

    def _try(
        self, known: Known, task: Task, recording: Recording | None, then: Then, retries: tuple[float, ...]
    ) -> None:
        if broken_off := self._breakers.refusal(task.step):
            refused = cause("breaker", message=broken_off)
            return self._committer.not_started(task, refused, then, outcome="skipped", retries=retries)
        inputs = Inputs(self._session, known, task)
        consumed, before = inputs.consumed(), inputs.stats()
        if wrong := inputs.wrong():
            self._session.catalog.suspect(wrong)
            why = cause("input_changed", message=inputs.remedy(wrong))
            return self._committer.not_started(task, why, then, consumed=consumed)
        declared = task.step.declaration
        timeout = self._timeout or declared.resources.timeout
        message = self._request(task, inputs)
        route = self._route(task.step, message)

        def prepare(worker: str) -> None:
            if tried := message.pop("folder", None):
                self._session.store.drop_task(tried)
            message["state"] = self._session.vault.state(task.key)
            message["folder"] = self._session.store.open_task(
                self._session.job_id, worker, task.home, declared.name, task.key
            )
            self._observe(TaskStarted(task.step.id, task.unit))

        def committed(line: OutcomeLine) -> None:
            if line.outcome in GOOD and line.step in self._taken:
                note_hashed(self._session, known, line)
            then(line)

        def answered(answer: Message) -> None:
            if len(retries) < len(PAUSES) and not self._ending and _unreachable(answer):
                pause = PAUSES[len(retries)]
                self._session.store.drop_task(message["folder"])
                again = partial(self._try, known, task, recording, then, (*retries, pause))
                self._later.append((time.monotonic() + pause, again))
                return
            self._note(task.step, answer)
            seconds = inputs.seconds(recording)
            attempt = Attempt(task, message["folder"], consumed, request.waited, seconds, retries)
            self._ended(attempt, inputs, inputs.stats() != before, answer, committed)

        # Nothing here leads from a request back to itself: it goes as soon as it is answered, with all that it holds.
        interim = partial(self._interim, task)
        request = Request(message, timeout, prepare, interim, task.step.hosts, route=route)
        self._submit(request, answered)

    def _route(self, step: Step, message: Message) -> str:
        """The route of a step's tasks, made once: but for those to which a list gives settings of their own."""
        known = self._routes.get(step.id)
        if known is None or known[0] is not step:
            known = self._routes[step.id] = step, route_of(message)
        return known[1]

    def _note(self, step: Step, answer: Message) -> None:
        """Take in how a task ended; what is broken off by that is recorded and said."""
        for opened in self._breakers.note(step, answer.get("cause", {}).get("reason", "")):
            self._observe(Said(self._committer.opened(opened)))

    def _ended(self, attempt: Attempt, inputs: Inputs, touched: bool, answer: Message, then: Then) -> None:
        why: Mapping[str, Any] = answer.get("cause", {})
        if answer["type"] == "failed" and why.get("reason") == "disk":
            self.disk_full = True
            self._session.store.drop_task(attempt.folder)
            return
        wrong = inputs.wrong() if touched else []
        if wrong or inputs.a_recording_changed():
            self._session.catalog.suspect(wrong)
            self._committer.failed(attempt, cause("input_changed", message="it changed while it was read"), then)
        elif answer["type"] == "done":
            self._committer.done(attempt, answer, then)
        else:
            self._committer.failed(attempt, why, then)

    def _interim(self, task: Task, message: Message) -> None:
        if message["type"] == "state":
            self._session.vault.save_state(task.key, message["value"])
        else:
            self._observe(TaskProgressed(task.step.id, task.unit, float(message["fraction"])))

    def _request(self, task: Task, inputs: Inputs) -> Message:
        return requests.run(
            task.step.declaration,
            task.step.settings,
            inputs.messages(),
            unit=task.home,
            seed=seed(task.key),
            audio=task.step.audio.model_dump() if task.step.audio else None,
            device=device_for(task.step, self._session.device),
            models=self._session.models.given(task.step.models),
        )


def _unreachable(answer: Message) -> bool:
    why: Mapping[str, Any] = answer.get("cause", {})
    return answer["type"] == "failed" and why.get("reason") == "unreachable"

"""Child side: a class that splits itself reads ahead and writes behind while it computes.

One thread reads, the main thread computes, one thread writes. What is read and not yet computed is never more than a
batch and one. What memory does not suffice for is handed back, to be done with nothing beside it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from librarian.workers.execution import RunningTask
from librarian.workers.failures import failure_of, is_out_of_memory
from librarian.workers.inbox import Inbox
from librarian.workers.messages import Message
from librarian.workers.replies import Replies
from librarian.workers.route import Route
from librarian.workers.runners import give_back
from librarian.workers.servant import Servant, done
from librarian.workers.surroundings import seed


@dataclass
class Passing:
    """A task in the pipeline; `given` is what was read for it, until it is computed."""

    request: Message
    task: RunningTask
    given: Any = None


class Pipeline:
    """Brings tasks of one route through reading, computing and writing, for as long as there are more of them."""

    def __init__(self, servant: Servant, route: Route, inbox: Inbox, replies: Replies) -> None:
        self._servant, self._route, self._inbox, self._replies = servant, route, inbox, replies
        self._rung = route.start
        self._lacking: list[Message] = []
        self._reader, self._writer = ThreadPoolExecutor(1, "read"), ThreadPoolExecutor(1, "write")
        self._reading: deque[tuple[Passing, Future[Any]]] = deque()
        self._writing: deque[tuple[Passing, Future[None]]] = deque()

    def run(self, request: Message) -> list[Message]:
        """Answer a request and those of its route that follow.

        Returns:
            The requests for which memory does not suffice beside others: they are not answered.
        """
        first = self._passing(request)
        limited = self._servant.held_to_limits(self._route, self._rung)
        with self._servant.health.restored(), limited, self._reader, self._writer:
            try:
                self._runner = self._servant.runner(self._route, self._rung, first.task)
            except BaseException as error:
                self._fail(first, error)
                return self._lacking
            self._read(first)
            while self._reading or self._writing:
                self._step()
        return self._lacking

    def _step(self) -> None:
        self._read_ahead()
        if not self._reading:
            self._written(self._writing.popleft())
            return
        batch = self._next_batch()
        self._read_ahead()
        if batch:
            self._compute(batch)
        while self._writing and (self._writing[0][1].done() or len(self._writing) > self._route.batch):
            self._written(self._writing.popleft())

    def _passing(self, request: Message) -> Passing:
        rung = self._route.rungs[self._rung]
        self._replies.begin(request, self._route.operation.resources.output)
        bare = bool(self._route.operation.hosts)
        task = RunningTask(request, rung.settings, rung.device, self._replies.before(request), bare=bare)
        return Passing(request, task)

    def _read_ahead(self) -> None:
        if self._lacking:
            return
        while len(self._reading) <= self._route.batch and (request := self._inbox.take(self._route.name)):
            self._read(self._passing(request))

    def _read(self, passing: Passing) -> None:
        self._reading.append((passing, self._reader.submit(self._timed_read, passing.task)))

    def _timed_read(self, task: RunningTask) -> Any:
        began = time.perf_counter()
        try:
            return self._runner.read(task)
        finally:
            task.timer.read = time.perf_counter() - began

    def _next_batch(self) -> list[Passing]:
        batch: list[Passing] = []
        while self._reading and len(batch) < self._route.batch:
            passing, future = self._reading.popleft()
            try:
                passing.given = future.result()
            except BaseException as error:
                self._fail(passing, error)
            else:
                batch.append(passing)
        return batch

    def _compute(self, batch: Sequence[Passing]) -> None:
        """Compute a batch; where that fails, each of its tasks by itself."""
        seed(batch[0].task.seed)
        began = time.perf_counter()
        try:
            results = self._runner.compute([each.given for each in batch])
        except BaseException as error:
            if len(batch) == 1:
                return self._fail(batch[0], error)
            if is_out_of_memory(error):
                self._route.run_singly()
        else:
            self._servant.health.restore()
            self._servant.measure()
            spent = time.perf_counter() - began
            for each, result in zip(batch, results, strict=True):
                each.given, each.task.timer.compute = None, spent / len(batch)
                self._writing.append((each, self._writer.submit(self._write, each, result)))
            return
        give_back()
        for each in batch:
            self._compute([each])

    def _write(self, passing: Passing, result: Any) -> None:
        task, began = passing.task, time.perf_counter()
        outputs = self._runner.write(task, result)
        task.timer.write = time.perf_counter() - began
        answer = done(passing.request, self._route, task, outputs)
        task.drop_copies()
        taken = self._route.taken(passing.request, self._rung)
        self._replies.answer(passing.request, {**answer, **taken, **self._servant.beside(self._route)})

    def _written(self, writing: tuple[Passing, Future[None]]) -> None:
        passing, future = writing
        try:
            future.result()
        except BaseException as error:
            self._fail(passing, error)

    def _fail(self, passing: Passing, error: BaseException) -> None:
        passing.given = None
        passing.task.drop_copies()
        if is_out_of_memory(error):
            self._lacking.append(passing.request)
        else:
            self._replies.answer(passing.request, {**failure_of(error), **self._servant.beside(self._route)})

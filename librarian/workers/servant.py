"""Child side: one request → its answer. Also what `--workers 0` calls in the main process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from librarian.models.given import give
from librarian.models.known import Model
from librarian.operation import Operation, Resolved
from librarian.workers import limits
from librarian.workers.children import ended_after
from librarian.workers.discovery import api_of, checks, declare, load, recognizers, resolve
from librarian.workers.environment import loud
from librarian.workers.execution import RunningTask, collect, media_facts
from librarian.workers.failures import failure_of, is_out_of_memory
from librarian.workers.health import Health
from librarian.workers.measured import measured
from librarian.workers.messages import Message
from librarian.workers.replies import Send
from librarian.workers.route import Route, empty
from librarian.workers.runners import Runner, Runners
from librarian.workers.surroundings import seed

if TYPE_CHECKING:
    from librarian.models.names import NameFinder

GROUP = "librarian"
MOST_ROUTES = 1000
"""That are remembered: a list may give every recording settings of its own."""


class Servant:
    """Answers requests, one after the other.

    Args:
        own_process: whether the process is a worker's: tasks are held to their limits then, and lose their children.
    """

    def __init__(self, *, own_process: bool = False) -> None:
        self._own_process = own_process
        self._operations: dict[str, dict[str, Operation]] = {}
        self._routes: dict[str, Route] = {}
        self._runners = Runners()
        self._finders: dict[str, NameFinder] = {}
        self.health = Health(own_process=own_process)
        self._is_too_big, self._needs = False, 0.0

    def answer(self, request: Message, send: Send) -> Message:
        """The one final answer to a request; whatever goes wrong is an answer too."""
        try:
            handler: Callable[[Message, Send], Message] = getattr(self, f"_{request['type']}")
            answer = handler(request, send)
        except BaseException as error:
            answer = failure_of(error)
        self.shrink()
        route = self._routes.get(request.get("route", ""))
        return {**answer, **self.beside(route)} if route else answer

    def beside(self, route: Route) -> Message:
        """What every answer of a route says of this worker."""
        unloaded, self._runners.unloaded = self._runners.unloaded, []
        return {**route.use, "unloaded": unloaded} if unloaded else route.use

    def measure(self) -> None:
        """Measure what a runner holds that has done its first task."""
        self._runners.measure()

    def shrink(self) -> None:
        """Let go of what is warm until this process holds no more than its part."""
        if not self._own_process and not self._runners.are_warm:
            return
        while self.health.is_too_big(self._needs):
            if not self._runners.unload_oldest():
                self._is_too_big = True
                return

    def must_end(self) -> bool:
        """Whether tasks left more behind here than the next ones should find."""
        return self._is_too_big or self.health.must_end()

    def _declare(self, request: Message, send: Send) -> Message:
        with self.health.restored():  # importing may change as much as running
            return self._declared(request)

    def _declared(self, request: Message) -> Message:
        operations = self._load(request["package"], request["entry_point"], request["value"])
        declared = [declare(each, request["package"], request["version"]) for each in operations.values()]
        point = EntryPoint(request["entry_point"], request["value"], GROUP)
        return {
            "type": "done",
            "declarations": [each.model_dump(mode="json") for each in declared],
            "recognizers": recognizers(point),
            "api": api_of(point),
        }

    def _checks(self, request: Message, send: Send) -> Message:
        with self.health.restored(), self._limited(limits.LEAST_MEMORY, ended_after()):
            return {"type": "done", "checks": checks(EntryPoint(request["package"], request["value"], GROUP))}

    def _examine(self, request: Message, send: Send) -> Message:
        from librarian.workers.tried import reached, reached_from_below

        places = Path(request["outside"]), Path(request["hidden"])
        found = {"reached": reached(*places), "reached_from_below": reached_from_below(*places)}
        return {"type": "done", **found, "loud": loud(os.environ)}

    def _load(self, package: str, name: str, value: str) -> dict[str, Operation]:
        if package not in self._operations:
            found = load(EntryPoint(name, value, GROUP))
            self._operations[package] = {each.name: each for each in found}
        return self._operations[package]

    def _operation(self, full_name: str) -> Operation:
        package, _, name = full_name.partition("/")
        if package not in self._operations:
            for entry_point in distribution(package).entry_points.select(group=GROUP):
                self._load(package, entry_point.name, entry_point.value)
        return self._operations[package][name]

    def _validate(self, request: Message, send: Send) -> Message:
        with self.health.restored():
            models = (Model(**{**each, "files": tuple(each["files"])}) for each in request["installed"])
            installed = {each.name: each for each in models}
            answer = resolve(self._operation(request["operation"]), request["settings"], installed)
        if isinstance(answer, Resolved):
            return {"type": "done", "resolved": answer.model_dump(mode="json")}
        return {"type": "problems", "problems": answer}

    def _probe(self, request: Message, send: Send) -> Message:
        with self._limited(limits.LEAST_MEMORY):
            return {**_probed(request["path"]), "ahead": 2, "batch": 0}

    def _probes(self, request: Message, send: Send) -> Message:
        with self._limited(limits.LEAST_MEMORY):
            answers = [_probed(path) for path in request["paths"]]
        return {"type": "done", "answers": answers, "ahead": 2, "batch": 0}

    def _measure(self, request: Message, send: Send) -> Message:
        with self._limited(limits.LEAST_MEMORY):
            return {**measured(Path(request["path"]), curves=request["curves"], send=send), "ahead": 2, "batch": 0}

    def _names(self, request: Message, send: Send) -> Message:
        from librarian.models.names import NameFinder

        with self.health.restored():
            if request["model"] not in self._finders:
                give(request["models"])
                self._finders[request["model"]] = NameFinder(request["model"])
            found = [self._finders[request["model"]](text) for text in request["texts"]]
        return {"type": "done", "found": found}

    def _revise(self, request: Message, send: Send) -> Message:
        from librarian.workers.revising import revised

        with self.health.restored(), self._limited(limits.LEAST_MEMORY):
            if "/" in request["kind"]:
                self._operation(request["operation"])  # whose extension declares the kind
            return {"type": "done", **revised(request)}

    def _run(self, request: Message, send: Send) -> Message:
        """Do a task; where memory does not suffice, in the ways that are left, each with nothing else in memory."""
        route = self.route(request)
        for number in range(route.first(request), len(route.rungs)):
            try:
                answer = self._attempt(request, route, number, send)
            except BaseException as error:
                if not is_out_of_memory(error):
                    raise
            else:
                answer |= route.taken(request, number)
                route.start = number
                return answer
            self.start_over(request)
        return route.out_of_memory()

    def start_over(self, request: Message) -> None:
        """Make room for one more try at a task."""
        self._runners.unload()
        empty(request["folder"])

    def _attempt(self, request: Message, route: Route, number: int, send: Send) -> Message:
        rung = route.rungs[number]
        task = RunningTask(request, rung.settings, rung.device, send, bare=bool(route.operation.hosts))
        with self.health.restored(), self.held_to_limits(route, number):
            try:
                return self._tried(request, route, number, task)
            finally:
                task.drop_copies()

    def _tried(self, request: Message, route: Route, number: int, task: RunningTask) -> Message:
        runner = self.runner(route, number, task)
        seed(task.seed)
        began = time.perf_counter()
        result = runner(task)
        spent = time.perf_counter() - began
        task.timer.compute = max(0.0, spent - task.timer.read - task.timer.write)
        self.measure()
        answer = done(request, route, task, result)
        route.took(time.perf_counter() - began)
        return answer

    def held_to_limits(self, route: Route, number: int) -> AbstractContextManager[None]:
        """What is done within has as much memory as a task of a route may take; what it started ends with it."""
        memory = limits.memory_of(route.operation.resources, route.rungs[number].device)
        return self._limited(memory, ended_after()) if self._own_process else contextlib.nullcontext()

    @contextlib.contextmanager
    def _limited(self, memory: int | None, *more: AbstractContextManager[None]) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for each in (limits.around(memory=memory), *more) if self._own_process else ():
                stack.enter_context(each)
            yield

    def most_output(self, request: Message) -> float:
        """What a task may write (bytes)."""
        route = self._routes.get(request["route"])
        return route.operation.resources.output if route else float("inf")

    def splits(self, request: Message) -> bool:
        """Whether a request is for a class that reads, computes and writes apart. What is broken says so later."""
        try:
            return request["type"] == "run" and self.route(request).splits
        except Exception:
            return False

    def route(self, request: Message) -> Route:
        """The route of a `run` request."""
        name = request["route"]
        if name not in self._routes:
            operation = self._operation(request["operation"])
            settings = operation.settings.model_validate(request["settings"])
            if len(self._routes) >= MOST_ROUTES:
                del self._routes[next(iter(self._routes))]
            self._routes[name] = Route(name, operation, settings, request["device"], request["models"])
        return self._routes[name]

    def runner(self, route: Route, number: int, task: RunningTask) -> Runner:
        """The runner of a rung, warm or built now."""
        began = time.perf_counter()
        operation, rung = route.operation, route.rungs[number]
        self._needs = operation.resources.memory
        give(route.models)
        try:
            runner = self._runners.get((route.name, number), operation, rung.settings, rung.device)
        finally:
            task.timer.load = time.perf_counter() - began
        route.runs_as(runner)
        return runner


def _probed(path: str) -> Message:
    """What a recording holds, or why that cannot be told."""
    try:
        return {"type": "done", "facts": media_facts(path)}
    except BaseException as error:
        return failure_of(error)


def done(request: Message, route: Route, task: RunningTask, result: Any) -> Message:
    """The answer to a task that gave a result.

    Raises:
        BadOutputError: it is not what the operation declares.
    """
    outputs = collect(task, route.operation, result, request["stem"])
    return {"type": "done", "outputs": outputs, "timings": vars(task.timer)}

"""Child side: what a worker's keeper becomes. One process declares, validates, probes and runs.

It ends when its socket does: a thread waits for messages all the time, and the end of the stream ends the process,
whatever the extension is busy with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from librarian.errors import UnusableInputError
from librarian.operation import Operation, Resolved
from librarian.workers import limits
from librarian.workers.children import ended_after
from librarian.workers.discovery import BrokenExtensionError, declare, load, resolve
from librarian.workers.execution import (
    BadOutputError,
    RunningTask,
    audio_facts,
    collect,
    load_runner,
)
from librarian.workers.fence import Fence
from librarian.workers.messages import BrokenMessageError, Decoder, Message, encode, failed

BEAT_SECONDS = 1.0
KEPT_RUNNERS = 4
_DISK_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
GROUP = "librarian"

Send = Callable[[Message], None]


class Servant:
    """Answers requests. Also what `--workers 0` calls in the main process.

    Args:
        own_process: whether the process is a worker's: tasks are held to their limits then, and lose their children.
    """

    def __init__(self, *, own_process: bool = False) -> None:
        self._own_process = own_process
        self._operations: dict[str, dict[str, Operation]] = {}
        self._runners: dict[str, Callable[[Any], Any]] = {}

    def answer(self, request: Message, send: Send) -> Message:
        """The one final answer to a request; whatever goes wrong is an answer too."""
        try:
            handler: Callable[[Message, Send], Message] = getattr(self, f"_{request['type']}")
            return handler(request, send)
        except UnusableInputError as error:
            return failed(error.cause, message=str(error))
        except (BadOutputError, BrokenExtensionError) as error:
            return failed("bad_output", message=str(error))
        except OSError as error:
            return _failed_by_system(error)
        except MemoryError:
            return failed("out_of_memory", exception="MemoryError")
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # SystemExit too: an extension that exits has failed
            return failed("error", exception=type(error).__name__, message=_text(error))

    def _declare(self, request: Message, send: Send) -> Message:
        operations = self._load(request["package"], request["entry_point"], request["value"])
        declared = [declare(each, request["package"], request["version"]) for each in operations.values()]
        return {"type": "done", "declarations": [each.model_dump(mode="json") for each in declared]}

    def _load(self, package: str, name: str, value: str) -> dict[str, Operation]:
        if package not in self._operations:
            found = load(EntryPoint(name, value, GROUP))
            self._operations[package] = {each.name: each for each in found}
        return self._operations[package]

    def _operation(self, full_name: str) -> Operation:
        package, _, name = full_name.partition("/")
        if package not in self._operations:
            for entry_point in entry_points(group=GROUP):
                if entry_point.dist and entry_point.dist.name == package:
                    self._load(package, entry_point.name, entry_point.value)
        return self._operations[package][name]

    def _validate(self, request: Message, send: Send) -> Message:
        answer = resolve(self._operation(request["operation"]), request["settings"])
        if isinstance(answer, Resolved):
            return {"type": "done", "resolved": answer.model_dump(mode="json")}
        return {"type": "problems", "problems": answer}

    def _probe(self, request: Message, send: Send) -> Message:
        with self._limited(limits.LEAST_MEMORY):
            return {"type": "done", "facts": audio_facts(Path(request["path"]))}

    def _run(self, request: Message, send: Send) -> Message:
        operation = self._operation(request["operation"])
        settings = operation.settings.model_validate(request["settings"])
        task = RunningTask(request, settings, send)
        memory = limits.memory_of(operation.resources, task.device)
        with _restored(), _seeded(task.seed), self._limited(memory):
            runner = self._runner(request, operation, task)
            began = time.perf_counter()
            with ended_after() if self._own_process else contextlib.nullcontext():
                result = runner(task)
            spent = time.perf_counter() - began
            outputs = collect(task, operation, result, request["stem"])
        timer = task.timer
        timer.compute = max(0.0, spent - timer.read - timer.write)
        return {"type": "done", "outputs": outputs, "timings": vars(timer)}

    def _limited(self, memory: int | None) -> AbstractContextManager[None]:
        return limits.around(memory=memory) if self._own_process else contextlib.nullcontext()

    def _runner(self, request: Message, operation: Operation, task: RunningTask) -> Callable[[Any], Any]:
        began = time.perf_counter()
        key = f"{request['operation']} {request['device']} {sorted(request['settings'].items())}"
        if key not in self._runners:
            while len(self._runners) >= KEPT_RUNNERS:
                del self._runners[next(iter(self._runners))]
            self._runners[key] = load_runner(operation, task.settings, task.device)
        task.timer.load = time.perf_counter() - began
        return self._runners[key]


def _failed_by_system(error: OSError) -> Message:
    if error.errno == errno.EFBIG:
        return failed("bad_output", message="it wrote more into a file than its limit")
    reason = "disk" if error.errno in _DISK_REFUSED else "error"
    return failed(reason, exception=type(error).__name__, message=_text(error))


def _text(error: BaseException) -> str:
    try:
        return str(error)[:10_000]
    except Exception:
        return ""


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Give the next task the process as this one found it."""
    folder, environment = os.getcwd(), dict(os.environ)
    mask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(mask)
        os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    yield


class Connection:
    """The worker's end of the socket: messages out from any thread, requests in through a queue."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()
        self._busy = threading.Event()
        self.requests: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to read and to beat."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def send(self, message: Message) -> None:
        """Send one message; a parent that is gone ends the process."""
        data = encode(message)
        with self._sending:
            try:
                self._end.sendall(data)
            except OSError:
                os._exit(0)

    def _read(self) -> None:
        decoder = Decoder()
        while True:
            try:
                data = self._end.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                os._exit(0)
            for message in decoder.feed(data):
                self.requests.put(message)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            if self._busy.is_set():
                self.send({"type": "beat"})

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Beat while a request is worked on."""
        self._busy.set()
        try:
            yield
        finally:
            self._busy.clear()


def _settle_in(shielded: Collection[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    limits.settle()
    Fence.take(os.environ).close(shielded)


def serve(handle: int, shielded: Collection[int]) -> None:
    """Serve until the socket with this handle ends, behind a fence through which no signal gets to `shielded`."""
    _settle_in(shielded)
    os.set_inheritable(handle, False)
    connection = Connection(socket.socket(fileno=handle))
    connection.start()
    servant = Servant(own_process=True)
    while True:
        request = connection.requests.get()
        with connection.busy():
            answer = servant.answer(request, connection.send)
        try:
            connection.send(answer)
        except (ValueError, TypeError, BrokenMessageError):
            connection.send(failed("bad_output", message="its answer is no JSON"))

"""Parent side: warm worker processes, each with one request at a time.

A worker that dies or falls silent costs the request it was working on, which is answered `failed` with the cause;
the next request gets a fresh process. What workers print goes to the log, line by line, never to the terminal.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from librarian.errors import EnvironmentFailedError
from librarian.files import cache_folder
from librarian.keys import KEY_VARIABLE
from librarian.workers.messages import BrokenMessageError, Decoder, Message, encode, failed

SILENCE_SECONDS = 60.0
"""A busy worker beats every second; one that did not for so long holds its interpreter and is replaced."""
MAX_LINE = 8192
_QUIET = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

Log = Callable[[str], None]
OnInterim = Callable[[Message], None]


def _ignore(message: Message) -> None:
    pass


@dataclass(eq=False)
class Request:
    """Something for a worker to do.

    Attributes:
        message: what is sent.
        timeout: time after which the worker is ended (s); None for as long as it takes.
        prepare: called with the worker's name before the message is sent, for what depends on it.
        on_interim: called with `progress` and `state` messages.
    """

    message: Message
    timeout: float | None = None
    prepare: Callable[[str], None] | None = None
    on_interim: OnInterim = _ignore
    queued: float = field(default_factory=time.monotonic)
    waited: float = 0.0


class Workers(Protocol):
    """What runs requests: a pool of processes, or the main process itself."""

    def submit(self, request: Request) -> None:
        """Queue a request."""

    def wait(self, timeout: float | None) -> list[tuple[Request, Message]]:
        """The answers that came in; waits for one at most `timeout` seconds."""

    def drop_queued(self) -> list[Request]:
        """Take back the requests that no worker has begun."""

    @property
    def unanswered(self) -> int:
        """Requests that have no answer yet."""

    @property
    def size(self) -> int:
        """Number of processes; 0 for none."""

    def close(self) -> None:
        """End all of it now."""


def ask(workers: Workers, message: Message, timeout: float) -> Message:
    """One request, answered before anything else goes on. No other may be under way."""
    request = Request(message, timeout)
    workers.submit(request)
    while True:
        for answered, answer in workers.wait(None):
            if answered is request:
                return answer


class _Process:
    """One worker process, seen from the parent."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.name = name
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-X",
                    "faulthandler",
                    "-m",
                    "librarian.workers.worker",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self.decoder = Decoder()
        self.line = b""
        self.request: Request | None = None
        self.deadline = float("inf")
        self.silent_after = float("inf")

    def send(self, request: Request) -> None:
        now = time.monotonic()
        self.request = request
        request.waited = now - request.queued
        self.deadline = now + request.timeout if request.timeout else float("inf")
        self.beat(now)
        self.socket.sendall(encode(request.message))

    def beat(self, now: float, silence: float = SILENCE_SECONDS) -> None:
        self.silent_after = now + silence

    def end(self) -> int:
        """Kill it and everything it started; its exit code, negative for a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.socket.close()
        return self.process.wait()


class Pool:
    """Worker processes, started when there is something for them to do.

    Args:
        size: how many at the most.
        log: where the lines go that workers print.
        silence: time without a beat after which a busy worker is replaced (s).
        threads: threads each may use for numeric work.
    """

    def __init__(self, size: int, log: Log, *, silence: float = SILENCE_SECONDS, threads: int = 1) -> None:
        self._size, self._log, self._silence = size, log, silence
        self._environment = _environment(threads)
        self._selector = selectors.DefaultSelector()
        self._processes: list[_Process] = []
        self._queue: deque[Request] = deque()
        self._answers: list[tuple[Request, Message]] = []
        self._started = 0

    @property
    def size(self) -> int:
        """Number of processes at the most."""
        return self._size

    @property
    def unanswered(self) -> int:
        """Requests that have no answer yet."""
        return len(self._queue) + len(self._answers) + sum(bool(each.request) for each in self._processes)

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._queue.append(request)
        self._dispatch()

    def drop_queued(self) -> list[Request]:
        """Take back the requests that no worker has begun."""
        dropped = list(self._queue)
        self._queue.clear()
        return dropped

    def _dispatch(self) -> None:
        while self._queue:
            idle = next((each for each in self._processes if each.request is None), None)
            if idle is None and len(self._processes) < self._size:
                idle = self._start()
            if idle is None:
                return
            self._send(idle, self._queue.popleft())

    def _send(self, process: _Process, request: Request) -> None:
        if request.prepare:
            request.prepare(process.name)
        try:
            process.send(request)
        except OSError:
            self._lost(process)
        else:
            process.beat(time.monotonic(), self._silence)

    def _start(self) -> _Process:
        self._started += 1
        try:
            process = _Process(f"w{self._started}", self._environment)
        except OSError as error:
            raise EnvironmentFailedError(f"no worker process can be started: {error.strerror}") from None
        self._processes.append(process)
        self._selector.register(process.socket, selectors.EVENT_READ, (process, self._hear))
        self._selector.register(process.output, selectors.EVENT_READ, (process, self._overhear))
        return process

    def wait(self, timeout: float | None) -> list[tuple[Request, Message]]:
        """The answers that came in; waits for one at most `timeout` seconds (None: until there is one)."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._answers and self.unanswered:
            now = time.monotonic()
            for key, _ in self._selector.select(max(0.0, min(until, self._next_limit()) - now)):
                process, react = key.data
                if process in self._processes:  # an event before this one may have ended it
                    react(process)
            self._end_late(time.monotonic())
            self._dispatch()
            if time.monotonic() >= until:
                break
        answers, self._answers = self._answers, []
        return answers

    def _next_limit(self) -> float:
        # Not for ever, so that a signal's flag is looked at.
        limits = [min(each.deadline, each.silent_after) for each in self._processes if each.request]
        return min([time.monotonic() + 1.0, *limits])

    def _hear(self, process: _Process) -> None:
        try:
            data = process.socket.recv(1 << 18)
            if not data:
                return self._lost(process)
            messages = list(process.decoder.feed(data))
        except (OSError, BrokenMessageError):
            return self._lost(process)
        for message in messages:
            self._take(process, message)

    def _take(self, process: _Process, message: Message) -> None:
        process.beat(time.monotonic(), self._silence)
        request = process.request
        if request is None or message["type"] == "beat":
            return
        if message["type"] in ("progress", "state"):
            request.on_interim(message)
        else:
            process.request = None
            self._answers.append((request, message))

    def _overhear(self, process: _Process) -> None:
        data = os.read(process.output.fileno(), 1 << 16)
        if not data:
            self._selector.unregister(process.output)
            process.output.close()
        *lines, process.line = (process.line + data).split(b"\n")
        if len(process.line) > MAX_LINE or not data:
            lines, process.line = [*lines, process.line], b""
        for line in lines:
            if line:
                self._log(line[:MAX_LINE].decode(errors="replace"))

    def _hear_out(self, process: _Process) -> None:
        """Take what a worker printed last; a child of its own may hold the pipe open, and is not waited for."""
        with contextlib.suppress(BlockingIOError):
            while not process.output.closed:
                self._overhear(process)
        if not process.output.closed:
            self._selector.unregister(process.output)
            process.output.close()

    def _end_late(self, now: float) -> None:
        for process in list(self._processes):
            if process.request is None:
                continue
            if now >= process.deadline:
                self._lost(process, failed("timeout", message="it took longer than its time limit"))
            elif now >= process.silent_after:
                self._lost(process, failed("timeout", message="its worker gave no sign of life"))

    def _lost(self, process: _Process, answer: Message | None = None) -> None:
        code = _exit_code(process) if answer is None else None
        self._selector.unregister(process.socket)
        ended = process.end()
        self._hear_out(process)
        self._processes.remove(process)
        if process.request:
            self._answers.append((process.request, answer or _crash(ended if code is None else code)))

    def close(self) -> None:
        """End all workers now."""
        for process in self._processes:
            process.end()
            process.output.close()
        self._processes.clear()
        self._queue.clear()
        self._selector.close()


def _exit_code(process: _Process) -> int | None:
    # The socket ends a moment before the process does: let it say how it ended before it is killed.
    try:
        return process.process.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        return None


def _crash(code: int) -> Message:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return failed("crash", signal=-code, message=f"its worker was ended by {name}")
    return failed("crash", exit_code=code, message=f"its worker ended by itself with exit code {code}")


def _environment(threads: int) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    environment |= _QUIET
    environment |= {name: str(threads) for name in _THREAD_VARIABLES}
    environment |= {"NUMBA_CACHE_DIR": str(cache_folder() / "numba"), "PYTHONHASHSEED": "0"}
    return environment

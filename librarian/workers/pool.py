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
from pathlib import Path
from typing import Protocol

from librarian.errors import EnvironmentFailedError
from librarian.workers.environment import environment_of, make_cache
from librarian.workers.fence import Fence, offered
from librarian.workers.messages import BrokenMessageError, Decoder, Message, encode, failed

SILENCE_SECONDS = 60.0
"""A busy worker beats every second; one that did not for so long holds its interpreter and is replaced."""
KEEPER_SECONDS = 5.0
"""A keeper that is told to end and did not for so long waits for a process that the kernel does not let go."""
MAX_LINE = 8192
MOST_WORKERS = 8
"""Unless more are asked for."""

Log = Callable[[str], None]
OnInterim = Callable[[Message], None]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_size() -> int:
    """Worker processes where nobody says how many."""
    return min(cores(), MOST_WORKERS)


def _ignore(message: Message) -> None:
    pass


@dataclass(eq=False)
class Request:
    """Something for a worker to do.

    Attributes:
        message: what is sent.
        timeout: time after which the worker is ended (s); None for as long as it takes.
        hosts: hosts that the worker may talk to while it is busy with it.
        prepare: called with the worker's name before the message is sent, for what depends on it.
        on_interim: called with `progress` and `state` messages.
    """

    message: Message
    timeout: float | None = None
    hosts: tuple[str, ...] = ()
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

    @property
    def fence(self) -> str:
        """What keeps workers from network and other folders."""

    def open_to(self, staging: Path, hidden: Path) -> None:
        """Let workers write below `staging` from now on, and not read what is below `hidden`."""

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

    def __init__(self, name: str, environment: dict[str, str], fence: Fence) -> None:
        self.name, self.hosts = name, fence.hosts
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-X",
                    "faulthandler",
                    "-m",
                    "librarian.workers.keeper",
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment | fence.variable(),
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
        """End it and everything it started; its exit code, negative for a signal."""
        self._signal(signal.SIGTERM)  # the keeper kills the worker and all that is below it
        self.socket.close()
        try:
            return self.process.wait(KEEPER_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


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
        self._cache = make_cache()
        self._environment = environment_of(threads, self._cache)
        self._staging: Path | None = None
        self._hidden = ""
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
    def fence(self) -> str:
        """What keeps workers from network and other folders; one that cannot be kept so does not start."""
        return "+".join(offered())

    def open_to(self, staging: Path, hidden: Path) -> None:
        """Let workers write below `staging` from now on, and not read what is below `hidden`.

        A fence is never widened: those that run now, with nothing under way, make room for others.
        """
        self._staging, self._hidden = staging, os.fspath(hidden)
        for process in list(self._processes):
            self._lost(process)

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
            hosts = self._queue[0].hosts
            idle = [each for each in self._processes if each.request is None]
            fitting = next((each for each in idle if each.hosts == hosts), None)
            if fitting is None and idle and len(self._processes) == self._size:
                self._lost(idle[0])  # another kind makes room
            if fitting is None and len(self._processes) < self._size:
                fitting = self._start(hosts)
            if fitting is None:
                return
            self._send(fitting, self._queue.popleft())

    def _send(self, process: _Process, request: Request) -> None:
        if request.prepare:
            request.prepare(process.name)
        try:
            process.send(request)
        except OSError:
            self._lost(process)
        else:
            process.beat(time.monotonic(), self._silence)

    def _start(self, hosts: tuple[str, ...]) -> _Process:
        self._started += 1
        name = f"w{self._started}"
        writable = [] if self._cache is None else [self._cache]
        try:
            if self._staging:
                writable.append(self._staging / name)
                writable[-1].mkdir(mode=0o700, parents=True, exist_ok=True)
            fence = Fence(offered(), tuple(map(os.fspath, writable)), self._hidden, hosts)
            process = _Process(name, self._environment, fence)
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
        code = _exit_code(process) if answer is None and process.request else None
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

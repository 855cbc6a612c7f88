"""Parent side: warm worker processes, each with one request that it works on and perhaps some that wait for it.

A worker that dies or falls silent costs the request it was working on, which is answered `failed` with the cause;
the others get a fresh process. What workers print goes to the log, line by line, never to the terminal.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from librarian.errors import EnvironmentFailedError
from librarian.workers.devices import CPU, Devices, serves
from librarian.workers.environment import environment_of, make_cache, remove_left_scratch
from librarian.workers.fence import Fence, offered
from librarian.workers.gpus import Gpu, gpus
from librarian.workers.memory import BUDGET_VARIABLE, SHARE, KillsForMemory, machine_memory
from librarian.workers.messages import BrokenMessageError, Message, failed
from librarian.workers.printed import Log, Printed
from librarian.workers.process import Process, crash, end_all
from librarian.workers.requests import Request
from librarian.workers.routing import RECALL_SECONDS, WINDOW, Match, for_busy, for_idle, to_recall

SILENCE_SECONDS = 60.0
"""A busy worker beats every second; one that did not for so long holds its interpreter and is replaced."""
START_SECONDS = 60.0
"""Within which a new one gives its first beat, on a machine that is busy with other things."""
QUEUED_PER_WORKER = 3
"""Requests beside those that a worker has, so that one that it is warm for is among them."""
RESEND_SECONDS = 0.05
PRINTED_AT_ONCE = 1 << 14
LAST_READS = 8
"""More than a pipe holds: what a process printed before it ended, and not what another prints on and on."""


class Pool:
    """Worker processes, started when there is something for them to do.

    Args:
        size: how many on the CPU, at the most.
        log: where the lines go that workers print.
        silence: time without a beat after which a busy worker is replaced (s).
        threads: threads each may use for numeric work.
        find_gpus: tells the GPUs; each gets a process of its own beside those.
        on_wait: told once of each GPU that another run has.
    """

    def __init__(
        self,
        size: int,
        log: Log,
        *,
        silence: float = SILENCE_SECONDS,
        threads: int = 1,
        find_gpus: Callable[[], Sequence[Gpu]] = gpus,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._size, self._silence = size, silence
        self._devices = Devices(size, find_gpus, on_wait)
        self._cache = make_cache()
        self._environment = environment_of(threads, self._cache) | {
            BUDGET_VARIABLE: str(machine_memory() * SHARE / size)
        }
        self._staging: Path | None = None
        self._hidden = ""
        self._selector = selectors.DefaultSelector()
        self._printed = Printed(log)
        self._processes: list[Process] = []
        self._queue: deque[Request] = deque()
        self._answers: list[tuple[Request, Message]] = []
        self._started = 0
        self._numbers = itertools.count(1)
        self._memory = KillsForMemory()

    @property
    def size(self) -> int:
        """Number of processes on the CPU, at the most."""
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
            self._end(process)

    @property
    def unanswered(self) -> int:
        """Requests that have no answer yet."""
        under_way = sum(len(each.assigned.under_way) for each in self._processes)
        return len(self._queue) + len(self._answers) + under_way

    @property
    def useful(self) -> int:
        """Requests that can be under way at once before more of them would only wait."""
        return QUEUED_PER_WORKER * self._size + sum(each.assigned.most for each in self._processes)

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._queue.append(request)
        self._dispatch()

    def drop_queued(self) -> list[Request]:
        """Take back the requests that no worker has begun, those that wait in one too."""
        for process in list(self._processes):
            for number in process.assigned.recallable():
                self._recall(process, number)
        until = time.monotonic() + RECALL_SECONDS
        while any(each.assigned.recalled for each in self._processes) and time.monotonic() < until:
            self._listen(until)
        dropped = list(self._queue)
        self._queue.clear()
        return dropped

    def _dispatch(self) -> None:
        if not self._queue and (found := to_recall([each.assigned for each in self._processes], time.monotonic())):
            self._recall(self._processes[found[0]], found[1])
        while self._queue:
            workers = [each.assigned for each in self._processes]
            found = for_idle(self._queue, workers) or self._start() or for_busy(self._queue, workers)
            if not found:
                return
            place, number = found
            request = self._queue[number]
            del self._queue[number]
            self._send(self._processes[place], request)

    def _send(self, process: Process, request: Request) -> None:
        if request.prepare:
            request.prepare(process.name)
        try:
            process.send(next(self._numbers), request)
        except OSError:
            self._lost(process)

    def _confirm(self, process: Process, number: int) -> None:
        try:
            process.confirm(number)
        except OSError:
            self._lost(process)

    def _recall(self, process: Process, number: int) -> None:
        try:
            process.recall(number)
        except OSError:
            self._lost(process)

    def _start(self) -> Match | None:
        """Start a process for the oldest request for which there may be one more."""
        full = set()
        for number, request in enumerate(itertools.islice(self._queue, WINDOW)):
            kind = request.device, request.hosts
            if kind not in full:
                if device := self._place_for(request):
                    self._launch(device, request.hosts)
                    return len(self._processes) - 1, number
                full.add(kind)
        return None

    def _place_for(self, request: Request) -> str:
        """A device on which a process may be started for a request; empty where there is none now.

        Processes that talk to other hosts take none of the places on the CPU. A GPU has but one process.
        """
        of_its_kind = [each for each in self._processes if each.assigned.hosts == request.hosts]
        others = [each for each in self._processes if each not in of_its_kind and each.assigned.device != CPU]
        device = self._devices.free(request.device, [each.assigned.device for each in (*of_its_kind, *others)])
        if not device:
            for each in others:
                if each.assigned.is_idle and serves(each.assigned.device, request.device):
                    self._end(each)
                    return each.assigned.device
        return device

    def _launch(self, device: str, hosts: tuple[str, ...]) -> None:
        if not self._started:
            remove_left_scratch()
        self._started += 1
        name = f"w{self._started}"
        environment = self._environment | self._devices.environment(device)
        writable = [] if self._cache is None else [self._cache]
        if self._staging:
            writable.append(self._staging / name)
            writable[-1].mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fence = Fence(offered(), tuple(map(os.fspath, writable)), self._hidden, hosts)
            process = Process(name, device, environment, fence)
        except OSError as error:
            raise EnvironmentFailedError(f"no worker process can be started: {error.strerror}") from None
        self._processes.append(process)
        self._selector.register(process.socket, selectors.EVENT_READ, (process, self._hear))
        self._selector.register(process.output, selectors.EVENT_READ, (process, self._overhear))

    def wait(self, timeout: float | None) -> list[tuple[Request, Message]]:
        """The answers that came in; waits for one at most `timeout` seconds (None: until there is one)."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._answers and self.unanswered:
            self._listen(until)
            self._end_late(time.monotonic())
            self._dispatch()
            if time.monotonic() >= until:
                break
        answers, self._answers = self._answers, []
        return answers

    def _listen(self, until: float) -> None:
        """Take in what workers say and print; waits for it until then, and not longer than until a limit is reached."""
        for process in [each for each in self._processes if each.outgoing]:
            try:
                process.flush()
            except OSError:
                self._lost(process)
        events = self._selector.select(max(0.0, min(until, self._next_limit()) - time.monotonic()))
        # What is printed comes last, and little at a time: who prints without end holds nobody up.
        for key, _ in sorted(events, key=lambda event: event[0].data[1] == self._overhear):
            process, react = key.data
            if process in self._processes:  # an event before this one may have ended it
                react(process)

    def _next_limit(self) -> float:
        # Not for ever, so that a signal's flag is looked at; and soon again where something is still to be sent.
        longest = RESEND_SECONDS if any(each.outgoing for each in self._processes) else 1.0
        busy = [each for each in self._processes if each.assigned.under_way]
        limits = [min(each.assigned.deadline, self._silent_at(each)) for each in busy]
        return min([time.monotonic() + longest, *limits])

    def _silent_at(self, process: Process) -> float:
        """When a busy process has given no sign of life for too long."""
        return process.heard + (self._silence if process.is_up else START_SECONDS)

    def _hear(self, process: Process) -> None:
        try:
            data = process.socket.recv(1 << 18)
            if not data:
                return self._lost(process)
            messages = list(process.decoder.feed(data))
        except (OSError, BrokenMessageError):
            return self._lost(process)
        for message in messages:
            if process in self._processes:  # the message before this one may have ended it
                self._take(process, message)

    def _take(self, process: Process, message: Message) -> None:
        process.heard, process.is_up = time.monotonic(), True
        if message["type"] == "retire":
            return self._retire(process)
        request = process.assigned.under_way.get(message.get("id", 0))
        if request is None or message["type"] == "beat":
            return
        if message["type"] in ("progress", "state"):
            request.on_interim(message)
            if message["type"] == "state":
                self._confirm(process, message["id"])
        elif message["type"] == "kept":
            process.assigned.keep(message["id"])
        elif message.get("end"):
            self._give_up(process, request, message)
        else:
            self._take_out(process, request, message)

    def _take_out(self, process: Process, request: Request, message: Message) -> None:
        """Take in a request that is answered, or comes back to be done elsewhere."""
        process.assigned.take_out(message["id"], process.heard)
        if message["type"] == "back":
            self._queue.appendleft(request)
        else:
            process.assigned.note(request, message)
            self._answers.append((request, message))
        if process.assigned.retiring:
            self._retire(process)

    def _retire(self, process: Process) -> None:
        """Give a process nothing more; it ends once nothing is under way."""
        process.assigned.retiring = True
        if not process.assigned.under_way:
            self._end(process)

    def _give_up(self, process: Process, request: Request, answer: Message) -> None:
        """End a process that is of no more use; who may not have been the cause of it is tried in another."""
        self._end(process)
        blamed, others = process.assigned.blame(request, whole=bool(answer.get("again")))
        if blamed and answer.get("again") and process.assigned.answered and not blamed.retried:
            blamed.retried = True
            others.insert(0, blamed)
        elif blamed:
            self._answers.append((blamed, answer))
        self._queue.extendleft(reversed(others))

    def _overhear(self, process: Process) -> None:
        data = os.read(process.output.fileno(), PRINTED_AT_ONCE)
        process.line = self._printed.take(process.line, data)
        if not data:
            self._selector.unregister(process.output)
            process.output.close()

    def _hear_out(self, process: Process) -> None:
        """Take what a worker printed last; a child of its own may hold the pipe open, and is not waited for."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(LAST_READS):
                if not process.output.closed:
                    self._overhear(process)
        if not process.output.closed:
            self._selector.unregister(process.output)
            process.output.close()

    def _end_late(self, now: float) -> None:
        for process in [each for each in self._processes if each.assigned.under_way]:
            if now >= process.assigned.deadline:
                self._lost(process, failed("timeout", message="it took longer than its time limit"))
            elif now >= self._silent_at(process):
                self._lost(process, failed("timeout", message="its worker gave no sign of life"))

    def _lost(self, process: Process, answer: Message | None = None) -> None:
        """End a process that ended by itself, or that gets `answer` for not doing so; go on with what it had."""
        code = process.exit_code() if answer is None else None
        ended = self._end(process)
        answer = answer or crash(ended if code is None else code, self._memory)
        blamed, others = process.assigned.blame()
        if blamed and answer.get("lighter") and blamed.message["type"] == "run":
            blamed.take_next_rung()
            others.insert(0, blamed)
        elif blamed:
            self._answers.append((blamed, answer))
        self._queue.extendleft(reversed(others))

    def _end(self, process: Process) -> int:
        """End a process now, and take what it printed last; its exit code."""
        self._selector.unregister(process.socket)
        ended = process.end()
        self._hear_out(process)
        self._processes.remove(process)
        return ended

    def close(self) -> None:
        """End all workers: those with nothing to do by themselves, the others asked first."""
        end_all(self._processes)
        self._processes.clear()
        self._queue.clear()
        self._selector.close()
        self._devices.close()

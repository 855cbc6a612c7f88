"""Parent side: one worker process, with its keeper, as seen from the parent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from librarian.workers.assigned import Assigned
from librarian.workers.devices import CPU
from librarian.workers.fence import Fence
from librarian.workers.memory import KillsForMemory
from librarian.workers.messages import Decoder, Message, encode, failed
from librarian.workers.requests import Request

KEEPER_SECONDS = 5.0
"""A keeper that is told to end and did not for so long waits for a process that the kernel does not let go."""
CLOSE_SECONDS = 0.5
"""For workers with nothing to do, which end by themselves once their socket has."""
ONLY_GPU = "cuda:0"
"""What a process calls its GPU: it is shown no other."""


class Process:
    """A worker process that was started.

    Args:
        name: what it is called among the others.
        device: where it works: `cpu` or `cuda:N`.
        environment: its variables.
        fence: what it may reach.
    """

    def __init__(self, name: str, device: str, environment: Mapping[str, str], fence: Fence) -> None:
        self.name = name
        self.socket, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "librarian.workers.keeper"]
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**environment, **fence.variable()},
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self.decoder = Decoder()
        self.line = b""
        self.outgoing = bytearray()
        self.assigned = Assigned(device, fence.hosts)
        self.heard = time.monotonic()
        self.is_up = False

    def send(self, number: int, request: Request) -> None:
        """Send a request.

        Raises:
            OSError: the worker has ended.
        """
        self.heard = time.monotonic()
        self.assigned.add(number, request, self.heard)
        message = {**request.message, "id": number, "route": request.route}
        if self.assigned.device != CPU:
            message["device"] = ONLY_GPU
        self.outgoing += encode(message)
        self.flush()

    def recall(self, number: int) -> None:
        """Ask for a request back.

        Raises:
            OSError: the worker has ended.
        """
        self.assigned.recalled.add(number)
        self.outgoing += encode({"type": "recall", "id": number})
        self.flush()

    def confirm(self, number: int) -> None:
        """Say that what a request saved is durable.

        Raises:
            OSError: the worker has ended.
        """
        self.outgoing += encode({"type": "saved", "id": number})
        self.flush()

    def flush(self) -> None:
        """Send what it takes now: one that is stuck must not hold up whoever sends.

        Raises:
            OSError: the worker has ended.
        """
        with contextlib.suppress(BlockingIOError):
            while self.outgoing:
                del self.outgoing[: self.socket.send(self.outgoing, socket.MSG_DONTWAIT)]

    def ask_to_end(self) -> None:
        """Have its keeper end it and all that it started: by SIGTERM, and a moment later by force."""
        self._signal(signal.SIGTERM)

    def end(self) -> int:
        """End it and everything it started; its exit code, negative for a signal."""
        self.ask_to_end()
        self.socket.close()
        try:
            return self.process.wait(KEEPER_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self.process.wait()

    def exit_code(self) -> int | None:
        """How it ended, where it does by itself: the socket ends a moment before the process."""
        try:
            return self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def end_all(processes: Sequence[Process]) -> None:
    """End processes: those with nothing to do by themselves, the others asked first, all at once."""
    idle = [each for each in processes if not each.assigned.under_way]
    for process in processes:
        if process in idle:
            process.socket.close()
        else:
            process.ask_to_end()
    _await(CLOSE_SECONDS, lambda: all(each.process.poll() is not None for each in idle))
    for process in processes:
        process.end()
        process.output.close()


def _await(seconds: float, done: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.005)


def crash(code: int, memory: KillsForMemory) -> Message:
    """The answer for what ended its worker; `lighter` where it may be tried once more with less memory."""
    if memory.took(code):
        return {**failed("out_of_memory", message="the memory of the machine does not suffice"), "lighter": True}
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return failed("crash", signal=-code, message=f"its worker was ended by {name}")
    return failed("crash", exit_code=code, message=f"its worker ended by itself with exit code {code}")

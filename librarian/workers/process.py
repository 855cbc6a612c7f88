"""Parent side: one worker process, from its start to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from librarian.files import cache_folder
from librarian.keys import KEY_VARIABLE
from librarian.workers.assigned import Assigned
from librarian.workers.devices import CPU
from librarian.workers.memory import KillsForMemory
from librarian.workers.messages import Decoder, Message, encode, failed
from librarian.workers.requests import Request

GRACE_SECONDS = 1.0
"""Between asking a worker and all that it started to end, and ending them."""
CLOSE_SECONDS = 0.5
"""For workers with nothing to do, which end by themselves once their socket has."""
ONLY_GPU = "cuda:0"
"""What a process calls its GPU: it is shown no other."""
_QUIET = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Process:
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
        self.outgoing = bytearray()
        self.assigned = Assigned()
        self.heard = time.monotonic()

    def send(self, number: int, request: Request) -> None:
        """Give it a request; raises OSError where it has ended."""
        self.heard = time.monotonic()
        self.assigned.add(number, request, self.heard)
        message = {**request.message, "id": number, "route": request.route}
        if self.assigned.device != CPU:
            message["device"] = ONLY_GPU
        self.outgoing += encode(message)
        self.flush()

    def recall(self, number: int) -> None:
        """Ask for a request back; raises OSError where it has ended."""
        self.assigned.recalled.add(number)
        self.outgoing += encode({"type": "recall", "id": number})
        self.flush()

    def flush(self) -> None:
        """Send what it takes now: one that is stuck must not hold up whoever sends."""
        with contextlib.suppress(BlockingIOError):
            while self.outgoing:
                del self.outgoing[: self.socket.send(self.outgoing, socket.MSG_DONTWAIT)]

    def signal(self, number: int) -> bool:
        """Send a signal to it and everything it started; whether there is any of it."""
        self.process.poll()  # one that has ended would be counted until somebody asks how
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> int:
        """Kill it and everything it started; its exit code, negative for a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.socket.close()
        return self.process.wait()


def exit_code(process: Process) -> int | None:
    """How a process whose socket has ended did so; None where it has not."""
    # The socket ends a moment before the process does: let it say how it ended before it is killed.
    try:
        return process.process.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        return None


def terminate(processes: Sequence[Process]) -> None:
    """Ask processes and all that they started to end, and give them a moment for it."""
    for process in processes:
        process.signal(signal.SIGTERM)
    _await(GRACE_SECONDS, lambda: not any(each.signal(0) for each in processes))


def end_all(processes: Sequence[Process]) -> None:
    """End processes: those with nothing to do by themselves, the others asked first."""
    idle = [each for each in processes if not each.assigned.under_way]
    for process in idle:
        process.socket.close()
    terminate([each for each in processes if each not in idle])
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


def environment(threads: int) -> dict[str, str]:
    """The environment of worker processes: without the key, quiet, with so many threads for numeric work."""
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    environment |= _QUIET
    environment |= {name: str(threads) for name in _THREAD_VARIABLES}
    environment |= {"NUMBA_CACHE_DIR": str(cache_folder() / "numba"), "PYTHONHASHSEED": "0"}
    return environment

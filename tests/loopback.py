"""Servers on loopback: one for tests in which clients hang up, and real ones that may be killed."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from http.server import ThreadingHTTPServer
from typing import Any


class LoopbackServer(ThreadingHTTPServer):
    """Serves each request in a thread that ends with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: it hung up, or was hung up on."""


class Started:
    """A real server of the test's own, which can be killed and started again on the same port.

    Args:
        command: what starts one, with `{port}` in it.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.start()

    def start(self) -> None:
        command = shlex.split(self._command.replace("{port}", self.address.rpartition(":")[2]))
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

"""A server on loopback for tests in which clients hang up: that is no error, and nothing is printed about it."""

from __future__ import annotations

from http.server import ThreadingHTTPServer
from typing import Any


class LoopbackServer(ThreadingHTTPServer):
    """Serves each request in a thread that ends with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: it hung up, or was hung up on."""

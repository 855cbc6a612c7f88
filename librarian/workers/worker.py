"""Child side: what a worker's keeper becomes. One process declares, validates, probes and runs.

It ends when its socket does: a thread waits for messages all the time, and the end of the stream ends the process,
whatever the extension is busy with.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterator

from librarian.workers import limits, serving
from librarian.workers.fence import Fence
from librarian.workers.inbox import Inbox
from librarian.workers.messages import Decoder, Message, encode

BEAT_SECONDS = 1.0


class Connection:
    """The worker's end of the socket: messages out from any thread, requests in through a queue."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()
        self._busy = threading.Event()
        self.requests = Inbox(self.send)

    def start(self) -> None:
        """Begin to read and to beat; the first beat says that the worker has come up."""
        self.send({"type": "beat"})
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def send(self, message: Message) -> None:
        """Send one message; a parent that is gone ends the process. What is saved is durable when this returns."""
        data = encode(message)
        with self._sending:
            try:
                self._end.sendall(data)
            except OSError:
                os._exit(0)
        if message["type"] == "state":
            self.requests.wait_until_saved(message["id"])

    def _read(self) -> None:
        decoder = Decoder()
        while True:
            try:
                data = self._end.recv(1 << 16)
                messages = list(decoder.feed(data))
            except (OSError, MemoryError):  # a worker that no longer hears is of no use
                os._exit(1)
            if not data:
                os._exit(0)
            for message in messages:
                self.requests.put(message)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            if self._busy.is_set():
                with contextlib.suppress(MemoryError):  # the task has all there is: the next beat may find some again
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
    serving.serve(connection.requests, connection.send, connection.busy)

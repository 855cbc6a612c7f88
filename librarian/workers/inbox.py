"""Child side: requests that came in and were not begun."""

from __future__ import annotations

import threading
from collections import deque

from librarian.workers.messages import Message


class Inbox:
    """The requests, oldest first: filled by the thread that listens, emptied by the main thread."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._came = threading.Condition()

    def put(self, message: Message) -> None:
        """Take in what the parent sent."""
        with self._came:
            self._waiting.append(message)
            self._came.notify()

    def get(self) -> Message:
        """The oldest request; waits for one."""
        with self._came:
            while not self._waiting:
                self._came.wait()
            return self._waiting.popleft()

    def take(self, route: str) -> Message | None:
        """The oldest request, if it is of a route."""
        with self._came:
            if self._waiting and self._waiting[0].get("route") == route:
                return self._waiting.popleft()
            return None

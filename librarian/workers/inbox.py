"""Child side: requests that came in and were not begun, which the parent may ask back; and what it has saved."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from librarian.workers.messages import Message


class Inbox:
    """The requests, oldest first: filled by the thread that listens, emptied by the main thread.

    Args:
        send: answers the parent that asks for one back.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._waiting: deque[Message] = deque()
        self._saved: set[int] = set()
        self._came = threading.Condition()

    def put(self, message: Message) -> None:
        """Take in what the parent sent."""
        if message["type"] == "recall":
            self._send({"type": "back" if self._remove(message["id"]) else "kept", "id": message["id"]})
            return
        with self._came:
            if message["type"] == "saved":
                self._saved.add(message["id"])
            else:
                self._waiting.append(message)
            self._came.notify_all()

    def _remove(self, number: int) -> bool:
        with self._came:
            found = next((each for each in self._waiting if each["id"] == number), None)
            if found is not None:
                self._waiting.remove(found)
            return found is not None

    def wait_until_saved(self, number: int) -> None:
        """Wait until the parent has made durable what a request saved."""
        with self._came:
            while number not in self._saved:
                self._came.wait()
            self._saved.remove(number)

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

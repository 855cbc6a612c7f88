"""Child side: what goes back to the parent, each with the number of its request."""

from __future__ import annotations

import threading
from collections.abc import Callable

from librarian.workers.messages import BrokenMessageError, Message, failed
from librarian.workers.output import OutputWatch

Send = Callable[[Message], None]


class Replies:
    """Sends answers, and what is said before them.

    Args:
        send: takes messages from any thread.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._watch = OutputWatch(self.answer)

    def begin(self, request: Message, limit: float) -> None:
        """Watch what a task writes until it is answered (`limit` in bytes)."""
        self._watch.begin(request, limit)

    def before(self, request: Message) -> Send:
        """Sends what is said of a request before its answer."""
        return lambda message: self._send({**message, "id": request["id"]})

    def answer(self, request: Message, answer: Message) -> None:
        """Send the one final answer to a request."""
        answer = self._watch.end(request, answer)
        try:
            self._send({**answer, "id": request["id"]})
        except (ValueError, TypeError, BrokenMessageError):
            self._send({**failed("bad_output", message="its answer is no JSON"), "id": request["id"]})
        if answer.get("end"):
            threading.Event().wait()  # for the parent to end this process: nothing else is begun in it

    def retire(self) -> None:
        """Ask for nothing more to do."""
        self._send({"type": "retire"})

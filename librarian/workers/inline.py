"""`--workers 0`: requests are answered in the main process, for debugging. The record says so."""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from pathlib import Path

from librarian.workers.messages import Message
from librarian.workers.printed import Log, Printed
from librarian.workers.requests import Request
from librarian.workers.servant import Servant

AT_ONCE_SECONDS = 0.02


class Inline:
    """Answers requests where it is asked, one after the other. A crash here is a crash of everything."""

    size = 0
    fence = "none"
    useful = 32

    def __init__(self, log: Log) -> None:
        self._servant = Servant()
        self._queue: deque[Request] = deque()
        self._printed = Printed(log)

    @property
    def unanswered(self) -> int:
        """Requests that have no answer yet."""
        return len(self._queue)

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._queue.append(request)

    def drop_queued(self) -> list[Request]:
        """Take back the requests that were not begun."""
        dropped = list(self._queue)
        self._queue.clear()
        return dropped

    def wait(self, timeout: float | None) -> list[tuple[Request, Message]]:
        """The answers to the oldest requests, as many as take next to no time; one, where it takes longer."""
        answers: list[tuple[Request, Message]] = []
        self._servant.health.begin_anew()
        until, printed = time.monotonic() + AT_ONCE_SECONDS, io.StringIO()
        while self._queue and (not answers or time.monotonic() < until):
            request = self._queue.popleft()
            request.waited = time.monotonic() - request.queued
            if request.prepare:
                request.prepare("w0")
            before = sys.stdout, sys.stderr
            sys.stdout = sys.stderr = printed
            try:
                answers.append((request, self._answer(request)))
            finally:
                sys.stdout, sys.stderr = before
        if printed.tell():
            self._printed.take(printed.getvalue().encode(errors="replace"), b"")
        return answers

    def _answer(self, request: Request) -> Message:
        device = "cuda:0" if request.device == "cuda" else request.device
        message = {**request.message, "route": request.route, "device": device}
        return self._servant.answer(message, request.on_interim)

    def open_to(self, staging: Path, hidden: Path) -> None:
        """The main process may write anywhere anyway."""

    def close(self) -> None:
        """Nothing to end."""

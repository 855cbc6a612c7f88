"""What every command needs of workers, whichever they are: requests go in, answers come out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from librarian.workers.messages import Message
from librarian.workers.requests import Request


class Workers(Protocol):
    """What runs requests: a pool of processes, or the main process itself."""

    def submit(self, request: Request) -> None:
        """Queue a request."""

    def wait(self, timeout: float | None) -> list[tuple[Request, Message]]:
        """The answers that came in; waits for one at most `timeout` seconds."""

    def drop_queued(self) -> list[Request]:
        """Take back the requests that no worker has begun."""

    @property
    def unanswered(self) -> int:
        """Requests that have no answer yet."""

    @property
    def size(self) -> int:
        """Number of processes; 0 for none."""

    @property
    def fence(self) -> str:
        """What keeps workers from network and other folders."""

    def open_to(self, staging: Path, hidden: Path) -> None:
        """Let workers write below `staging` from now on, and not read what is below `hidden`."""

    @property
    def useful(self) -> int:
        """Requests that can be under way at once before more of them would only wait."""

    def close(self) -> None:
        """End all of it now."""


def ask(workers: Workers, message: Message, timeout: float, prepare: Callable[[str], None] | None = None) -> Message:
    """One request, answered before anything else goes on. No other may be under way.

    Args:
        workers: whom.
        message: the request.
        timeout: how long it may take (s).
        prepare: as in `Request`.
    """
    request = Request(message, timeout, prepare)
    workers.submit(request)
    while True:
        for answered, answer in workers.wait(None):
            if answered is request:
                return answer

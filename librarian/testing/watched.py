"""`python -m librarian.testing.watched`: a task in a process of its own, which notes what asks for the network.

It reads a JSON object with `declare` and `run`, two requests, and prints a line with the answer to the second and how
often Python code looked up a name or talked to another machine. Each time it is refused, as a worker's fence does.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from typing import Any

from librarian.workers.servant import Servant

_ASKS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_TALKS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_INTERNET = (socket.AF_INET, socket.AF_INET6)


def main() -> None:
    """Do the task."""
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the extension prints is no answer
    attempts = 0

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal attempts
        if event in _ASKS or (event in _TALKS and arguments[0].family in _INTERNET):
            attempts += 1
            raise PermissionError(errno.EACCES, "an operation that declares no hosts has no network")

    sys.addaudithook(refuse)
    servant = Servant()
    declared = servant.answer(asked["declare"], lambda message: None)
    answer = declared if declared["type"] != "done" else servant.answer(asked["run"], lambda message: None)
    print(json.dumps({"answer": answer, "attempts": attempts}), file=answers, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

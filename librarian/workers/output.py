"""Child side: how much a task may write."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from librarian.workers.failures import BadOutputError
from librarian.workers.messages import Message, failed

MOST_FILES = 100_000
LOOK_SECONDS = 0.5

Answer = Callable[[Message, Message], None]


def check_size(folder: str | os.PathLike[str], limit: float) -> None:
    """Look at what lies in a task's folder.

    Raises:
        BadOutputError: it is more than `limit` bytes, or more files than anybody keeps apart.
    """
    size = files = 0
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                size, files = size + entry.stat(follow_symlinks=False).st_size, files + 1
                if size > limit:
                    raise BadOutputError(f"it wrote more than its limit of {limit / 2**20:.10g} MiB")
                if files > MOST_FILES:
                    raise BadOutputError(f"it wrote more than its limit of {MOST_FILES:,} files")


class OutputWatch:
    """Looks at the folders of the tasks under way, and answers for one that writes too much.

    Args:
        answer: sends an answer, and has the parent end this process: the task cannot be stopped in it.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._under_way: dict[int, tuple[Message, float]] = {}
        threading.Thread(target=self._look, name="output", daemon=True).start()

    def begin(self, request: Message, limit: float) -> None:
        """Look at what a task writes from now on (`limit` in bytes)."""
        self._under_way[request["id"]] = request, limit

    def end(self, request: Message, answer: Message) -> Message:
        """Look once more, and then no more; the answer, or that a task that was done wrote too much."""
        watched = self._under_way.pop(request["id"], None)
        if watched and answer["type"] == "done":
            try:
                check_size(request["folder"], watched[1])
            except BadOutputError as error:
                return failed("bad_output", message=str(error))
            except OSError:
                pass  # who takes the files sees what is wrong with them
        return answer

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            for request, limit in list(self._under_way.values()):
                try:
                    check_size(request["folder"], limit)
                except BadOutputError as error:
                    self._answer(request, {**failed("bad_output", message=str(error)), "end": True})
                except OSError:
                    pass  # what it looked at is gone again

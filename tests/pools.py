"""A pool of worker processes and operations that do as they are told, without a project around them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from harness import Archive, install

from librarian.workers.messages import Message
from librarian.workers.pool import Pool
from librarian.workers.requests import Request

PACKAGE = "librarian-told"
DECLARED = """
from librarian import Field, Operation, Settings, Text, hookimpl

class Told(Settings):
    log: str = Field(description="Where it is written down what is done.")
    size: int = Field(0, description="How much it takes.")
    names: list[str] = Field([], description="A list, which can be changed.")
    mild: int = Field(0, description="What changes no result.", changes_result=False)

@hookimpl
def librarian_operations():
    return [Operation(name=name, version="1", run=f"librarian_told_work:{run}", settings=Told, inputs={},
                      outputs={"text": Text}, **more) for name, run, more in OPERATIONS]
"""
WORK = """
import json, os, pathlib, threading, time

def note(task, what, **more):
    with open(task.settings.log, "a") as log:
        log.write(json.dumps({"what": what, "seed": task.seed, "pid": os.getpid(), "time": time.monotonic(),
                              "thread": threading.current_thread().name, **more}) + "\\n")

def told(task):
    # What to do with this task: a file of its number beside the log says it.
    path = pathlib.Path(task.settings.log).with_name(f"{task.seed}.told")
    exec(path.read_text() if path.exists() else "", {**globals(), "task": task})

def text(task):
    (task.folder / "text.txt").write_text(str(task.seed))
    return {"text": "text.txt"}

def plain(task):
    note(task, "begin")
    told(task)
    note(task, "end")
    return text(task)
"""


class Told:
    """Requests for operations, and what they were seen to do.

    Args:
        folder: an empty folder.
        operations: (name, run, further fields of the operation, as code).
        work: code beside that which `WORK` holds.
    """

    def __init__(self, folder: Path, operations: str = "[('plain', 'plain', {})]", work: str = "") -> None:
        self._top, self.site = folder, folder / "site"
        self.folder = folder / "librarian" / "extensions"  # the cache, where workers may write
        self.folder.mkdir(parents=True)
        self.log = self.folder / "log"
        archive = Archive(folder)
        install(self.site, archive, "told", f"import librarian\nOPERATIONS = {operations}\n{DECLARED}")
        (self.site / "librarian_told_work.py").write_text(WORK + work)
        self._numbers = itertools.count(1)

    def pool(self, size: int = 1, **more: Any) -> Pool:
        """A pool whose workers find the operations."""
        path = f"{self.site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        with mock.patch.dict(os.environ, {"PYTHONPATH": path, "XDG_CACHE_HOME": str(self._top)}):
            return Pool(size, more.pop("log", lambda line: None), **more)

    def does(self, seed: int, code: str) -> None:
        """What the task with this seed does."""
        (self.folder / f"{seed}.told").write_text(code)

    def request(
        self, operation: str, seed: int, *, timeout: float | None = None, device: str = "cpu", **settings: Any
    ) -> Request:
        """A task."""
        message: Message = {
            "type": "run",
            "models": {},
            "operation": f"{PACKAGE}/{operation}",
            "settings": {"log": str(self.log), "size": 0, "mild": 0, **settings},
            "inputs": {},
            "device": device,
            "seed": seed,
            "stem": f"u.{operation}",
            "audio": None,
            "state": {},
        }

        def prepare(worker: str) -> None:
            folder = self.folder / f"task{next(self._numbers)}"
            folder.mkdir()
            message["folder"] = str(folder)

        return Request(message, timeout, prepare)

    def seen(self, what: str = "") -> list[dict[str, Any]]:
        """What was written down."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [each for each in map(json.loads, lines) if what in ("", each["what"])]


def answers(pool: Pool) -> Iterator[tuple[int, Message]]:
    """(seed, answer), as they come in."""
    while pool.unanswered:
        for request, answer in pool.wait(None):
            yield request.message.get("seed", 0), answer


def run(pool: Pool, requests: Sequence[Request]) -> dict[int, Message]:
    """Seed → answer."""
    for request in requests:
        pool.submit(request)
    return dict(answers(pool))

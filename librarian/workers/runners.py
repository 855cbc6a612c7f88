"""Child side: what an operation's `run` names, built and kept warm."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from librarian.operation import Operation, Settings
from librarian.workers.failures import BadOutputError
from librarian.workers.messages import Message

KEPT_RUNNERS = 4
Key = tuple[str, int]
"""A route and the number of its rung."""


class Runner:
    """An operation's function of one task, or the built instance of its class.

    Attributes:
        splits: whether it reads, computes and writes apart.
        batch: tasks that it computes together at the most.
    """

    def __init__(self, built: Any) -> None:
        self._built = built
        self.splits = splits(built)
        batch = getattr(built, "batch", 1)
        self.batch = batch if self.splits and isinstance(batch, int) and batch > 0 else 1

    def __call__(self, task: Any) -> Any:
        """Do one task from its beginning to its end."""
        return self.write(task, self.compute([self.read(task)])[0]) if self.splits else self._built(task)

    def read(self, task: Any) -> Any:
        """What it reads for a task."""
        return self._built.read(task)

    def compute(self, given: Sequence[Any]) -> Sequence[Any]:
        """The results of what was read for some tasks.

        Raises:
            BadOutputError: there are not as many results as tasks.
        """
        results = self._built.compute(list(given))
        if not isinstance(results, Sequence) or len(results) != len(given):
            raise BadOutputError(f"compute was given {len(given)} and gave back no list of {len(given)}")
        return results

    def write(self, task: Any, result: Any) -> Any:
        """The outputs of a task."""
        return self._built.write(task, result)


def use(runner: Runner, batch: int) -> Message:
    """What the parent is told: how many tasks a worker can use at once, and how many it computes together.

    A batch is computed, the one before is written, the next one and a task more are read, and one waits. Of what does
    not split itself one runs and one waits.
    """
    return {"ahead": 3 * batch + 2, "batch": batch} if runner.splits else {"ahead": 2, "batch": 0}


def splits(runner: Any) -> bool:
    """Whether a class, or its instance, reads, computes and writes apart."""
    return all(hasattr(runner, name) for name in ("read", "compute", "write"))


def named(operation: Operation) -> Any:
    """The function or class that an operation's `run` names."""
    module, _, name = operation.run.partition(":")
    return getattr(importlib.import_module(module), name)


def build(operation: Operation, settings: Settings, device: str) -> Runner:
    """An operation's runner with these settings; here models load."""
    found = named(operation)
    return Runner(found(settings, device) if isinstance(found, type) else found)


class Runners:
    """Warm runners, the one used last at the end."""

    def __init__(self) -> None:
        self._kept: dict[Key, Runner] = {}

    def get(self, key: Key, build: Callable[[], Runner]) -> Runner:
        """A runner, built where it is not warm."""
        if key not in self._kept:
            while len(self._kept) >= KEPT_RUNNERS:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = build()
        self._kept[key] = self._kept.pop(key)
        return self._kept[key]

    def unload(self) -> None:
        """Let go of all, and give the memory back."""
        self._kept.clear()
        give_back()


def give_back() -> None:
    """Give back memory that nothing uses any more, the GPU's too."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()

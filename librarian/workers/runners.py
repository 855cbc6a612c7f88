"""Child side: what an operation's `run` names, built and kept warm."""

from __future__ import annotations

import gc
import importlib
import operator
import sys
from collections.abc import Sequence
from typing import Any

from librarian.operation import Operation, Settings
from librarian.workers.failures import BadOutputError
from librarian.workers.memory import budget, held
from librarian.workers.messages import Message

MOST_KEPT = 32
"""However little they hold: they are looked through for every task."""
Key = tuple[str, int]
"""A route and the number of its rung."""
Amounts = tuple[float, float]
"""Main memory, memory of the GPU (bytes)."""


class Runner:
    """An operation's function of one task, or the built instance of its class.

    Attributes:
        is_built: whether it is an instance, which goes when nobody keeps it.
        splits: whether it reads, computes and writes apart.
        batch: tasks that it computes together at the most.
    """

    def __init__(self, built: Any, *, is_built: bool) -> None:
        self._built, self.is_built = built, is_built
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


def use(batch: int) -> Message:
    """What the parent is told of a class that splits itself: tasks it can use at once, and computes together.

    A batch is computed, the one before is written, the next one and a task more are read, and one waits.
    """
    return {"ahead": 3 * batch + 2, "batch": batch}


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
    is_built = isinstance(found, type)
    return Runner(found(settings, device) if is_built else found, is_built=is_built)


class Runners:
    """Warm runners of classes, the one used last at the end, as many as memory holds. A function needs no warmth.

    What one holds is taken to be what its operation declares, until it was measured: by how much the process grew
    while it was built and did its first task.
    """

    def __init__(self) -> None:
        self._functions: dict[str, Runner] = {}
        self._kept: dict[Key, Runner] = {}
        self._holds: dict[Key, Amounts] = {}
        self._growing: tuple[Key, Amounts] | None = None
        self.unloaded: list[str] = []

    def get(self, key: Key, operation: Operation, settings: Settings, device: str) -> Runner:
        """A runner, built where it is not warm, with room for what its operation needs."""
        needs = operation.resources.memory, operation.resources.gpu_memory
        self._make_room(key, needs)
        if function := self._functions.get(operation.run):
            return function
        if key not in self._kept:
            before, runner = held(), build(operation, settings, device)
            if not runner.is_built:
                self._functions[operation.run] = runner
                return runner
            self._kept[key], self._holds[key] = runner, needs
            self._growing = key, before
        self._kept[key], self._holds[key] = self._kept.pop(key), self._holds.pop(key)
        return self._kept[key]

    @property
    def are_warm(self) -> bool:
        """Whether any is kept."""
        return bool(self._kept)

    def measure(self) -> None:
        """Note what a runner holds that has done its first task."""
        if self._growing:
            key, before = self._growing
            main, gpu = (max(0.0, now - then) for now, then in zip(held(), before, strict=True))
            self._holds[key], self._growing = (main, gpu), None

    def _make_room(self, key: Key, needs: Amounts) -> None:
        may_go = [each for each in self._kept if each != key]
        while may_go and self._is_too_much(key, needs):
            self._drop(may_go.pop(0))
            give_back()

    def _is_too_much(self, key: Key, needs: Amounts) -> bool:
        return len(self._kept) > MOST_KEPT or any(map(operator.gt, self._with(key, needs), budget()))

    def unload_oldest(self) -> bool:
        """Let go of the one that was not used for longest; whether there was one."""
        oldest = next(iter(self._kept), None)
        if oldest:
            self._drop(oldest)
            give_back()
        return oldest is not None

    def _with(self, key: Key, needs: Amounts) -> Amounts:
        others = [holds for each, holds in self._holds.items() if each != key]
        main, gpu = (max(pair) for pair in zip(needs, self._holds.get(key, needs), strict=True))
        return main + sum(each[0] for each in others), gpu + sum(each[1] for each in others)

    def _drop(self, key: Key) -> None:
        del self._kept[key], self._holds[key]
        self._growing = None
        self.unloaded.append(key[0])

    def unload(self) -> None:
        """Let go of all, and give the memory back."""
        for key in list(self._kept):
            self._drop(key)
        give_back()


def give_back() -> None:
    """Give back memory that nothing uses any more, the GPU's too."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()

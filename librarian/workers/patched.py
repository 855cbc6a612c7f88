"""Child side: whether a task changed what serves it, such as a function that it put another in place of.

Nobody can undo that for certain. A worker in which it shows is replaced, so that no other task meets it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

_SERVING = ("librarian.workers", "librarian.media")
Names = Mapping[str, Any]


class Own:
    """The modules that stand between a task and its record, those that are loaded, and their classes, as they are.

    What is loaded later is taken to be whole when it is first seen. What stays the same object, a list that was added
    to or a function with other code in it, does not show.
    """

    def __init__(self) -> None:
        self._before: list[tuple[Names, Names]] = []
        self._modules: set[str] = set()
        self._learn()

    def is_changed(self) -> bool:
        """Whether anything in it is another object than it was."""
        # Comparing as a whole looks at what things are before what they say, and takes some microseconds.
        if any(now != before and _differ(now, before) for now, before in self._before):
            return True
        self._learn()
        return False

    def _learn(self) -> None:
        for name, module in [each for each in sys.modules.items() if each[0] not in self._modules]:
            self._modules.add(name)
            if name.startswith(_SERVING):
                self._before += [(names, dict(names)) for names in _namespaces(name, module)]


def _namespaces(name: str, module: ModuleType) -> Iterator[Names]:
    yield vars(module)
    for each in vars(module).values():
        # Those of pydantic build parts of themselves when they are first used.
        if isinstance(each, type) and each.__module__ == name and not hasattr(each, "model_fields"):
            yield vars(each)


def _differ(now: Names, before: Names) -> bool:
    """Whether a name means something else, is gone or is new, but for modules that were loaded since."""
    gone = any(name not in now or now[name] is not value for name, value in before.items())
    new = (value for name, value in now.items() if name not in before and not name.startswith("__"))
    return gone or not all(isinstance(value, ModuleType) for value in new)

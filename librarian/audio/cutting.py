"""Parts of a sound, each written to a place of its own while the sound goes by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Generic, Protocol, Self, TypeVar

from numpy.typing import NDArray


class Span(Protocol):
    """A part of a sound, in frames."""

    @property
    def start(self) -> int:
        """Its first frame."""

    @property
    def end(self) -> int | None:
        """The frame behind its last; None while nobody knows it."""


class Writer(Protocol):
    """What a part is written to."""

    def write(self, samples: NDArray[Any], /) -> None:
        """Take what comes next, `[channels, frames]`."""


Part = TypeVar("Part", bound=Span)


class Cutter(Generic[Part]):
    """Cuts parts, which may overlap, out of a sound that comes block by block: its very samples.

    with Cutter(begin, parts) as cutter:
        for samples in sound.blocks():
            cutter.add(samples)
        left = cutter.end()

    Args:
        begin: opens what a part is written to; closed where the part ends, and where something fails.
        parts: by where they start. What is not known yet is added by `plan`, and an end may be set later, before the
            sound has come that far.
    """

    def __init__(self, begin: Callable[[Part], AbstractContextManager[Writer]], parts: Iterable[Part] = ()) -> None:
        self._begin, self._stack = begin, ExitStack()
        self._coming = deque(parts)
        self._open: list[tuple[Part, Writer, ExitStack]] = []
        self._offset = 0

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def plan(self, part: Part) -> None:
        """One more part, which starts no earlier than those that are known, in what is still to come."""
        self._coming.append(part)

    def add(self, samples: NDArray[Any]) -> None:
        """Take the next block.

        Shape:
            - samples: `[channels, frames]`
        """
        behind = self._offset + samples.shape[1]
        self._open = [each for each in self._open if self._goes_on(*each, samples)]
        while self._coming and self._coming[0].start < behind:
            part, closing = self._coming.popleft(), self._stack.enter_context(ExitStack())
            opened = (part, closing.enter_context(self._begin(part)), closing)
            if self._goes_on(*opened, samples):
                self._open.append(opened)
        self._offset = behind

    def _goes_on(self, part: Part, writer: Writer, closing: ExitStack, samples: NDArray[Any]) -> bool:
        """Write what a block holds of a part, and say whether there is more to come."""
        behind = self._offset + samples.shape[1]
        end = behind if part.end is None else part.end
        writer.write(samples[:, max(0, part.start - self._offset) : max(0, end - self._offset)])
        if part.end is None or end > behind:
            return True
        closing.close()
        return False

    def end(self) -> list[Part]:
        """Close what the end of the sound has cut short, once: these parts, and those that never came."""
        for _, _, closing in self._open:
            closing.close()
        return [part for part, _, _ in self._open] + list(self._coming)

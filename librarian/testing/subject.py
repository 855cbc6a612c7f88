"""What is checked: an operation of an installed package, what it is run with, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from librarian.models.installed import Installed
from librarian.operation import Declaration
from librarian.testing import inputs
from librarian.testing.inputs import Given
from librarian.workers import requests
from librarian.workers.declared import GROUP
from librarian.workers.messages import Message

NOT_INSTALLED = f"is not installed, or has no entry point in the group {GROUP}"
Inputs = dict[str, Message | list[Message]]


class Fault(AssertionError):
    """What an extension does not keep to, and the remedy, in one line."""


class NotApplicable(Exception):
    """A check that says nothing of this operation, and why."""


class Lacking(NotApplicable):
    """A check that lacks something which a test could give it: a model, an input, settings, a server."""


def _unknown(subject: Subject, name: str, kind: str, folder: Path) -> Given | None:
    return None


def _without(declaration: Declaration, folder: Path) -> Installed:
    return Installed()


@dataclass(frozen=True)
class Subject:
    """What is checked, and what it is run with.

    Args:
        package: the distribution that offers it.
        operation: its name.
        settings: as a job file gives them; none: those of `Operation.example`.
        seconds: of the sound that its audio inputs are given.
        rate: Hz, likewise.
        channels: likewise.
        files: how many go into an input that takes many.
        long: seconds of the sound (48 kHz, stereo) by which memory is measured.
        give: this, the name and kind of an input, and a folder → the input; None: one is made.
        models: a declaration and a folder → the models that it can use.
    """

    package: str
    operation: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 3.0
    rate: int = 16000
    channels: int = 1
    files: int = 3
    long: float = 30.0
    give: Callable[[Subject, str, str, Path], Given | None] = _unknown
    models: Callable[[Declaration, Path], Installed] = _without

    @property
    def entry_point(self) -> EntryPoint:
        """Where its package is found."""
        for point in entry_points(group=GROUP):
            if point.dist and point.dist.name == self.package:
                return point
        raise Fault(f"{self.package} {NOT_INSTALLED}")

    def inputs(self, declaration: Declaration, folder: Path, sound: Callable[[Path], None] | None = None) -> Inputs:
        """Inputs for a run.

        Args:
            declaration: of the operation.
            folder: where they are made.
            sound: writes the sound of every audio input, where it is not the usual one.
        """

        def one(name: str, kind: str) -> Message:
            if sound is None or kind not in inputs.HEARD:
                return self._input(name, kind, folder)
            path = folder / f"{name}.wav"
            sound(path)
            return requests.source(path, "audio", "", {})

        return {
            name: [one(f"{name}{number}", port.kind) for number in range(1, self.files + 1)]
            if port.many
            else one(name, port.kind)
            for name, port in declaration.inputs.items()
            if port.many or not port.optional or self._is_the_only(name, declaration)
        }

    def _is_the_only(self, name: str, declaration: Declaration) -> bool:
        """Whether an input that may be left out is the one to be given, where all may be."""
        ports = declaration.inputs
        if not all(port.optional for port in ports.values()):
            return False
        return name == next((each for each, port in ports.items() if port.kind in inputs.HEARD), next(iter(ports)))

    def _input(self, name: str, kind: str, folder: Path) -> Message:
        given = self.give(self, name, kind, folder)
        if given is None:
            return self.made(name, kind, folder)
        return inputs.as_message(given, name, kind, folder)

    def made(self, name: str, kind: str, folder: Path) -> Message:
        """An input that is made here.

        Raises:
            Lacking: nobody knows how.
        """
        if kind in inputs.HEARD:
            return inputs.sound(folder / f"{name}.wav", self.seconds, self.rate, self.channels)
        found = inputs.made(name, kind, folder)
        if found is None:
            raise Lacking(f"nothing is known for the input {name} ({kind}); in a test, override `input` to make it")
        return found

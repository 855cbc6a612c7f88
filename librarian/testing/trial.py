"""One operation, tried as `librarian run` has it: what it is run with, and what real worker processes say of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from librarian.errors import ExtensionError
from librarian.models.installed import Installed
from librarian.operation import Declaration, Resolved
from librarian.project import STATE
from librarian.testing.subject import NOT_INSTALLED, Fault, Inputs, Lacking, Subject
from librarian.workers import requests
from librarian.workers.declared import Extension, Validator, extension_of, reason_of
from librarian.workers.messages import Message
from librarian.workers.pool import Pool
from librarian.workers.requests import OnInterim, Request

UNIT = "rec_aaaaaaaaaaaaa"
TIMEOUT = 300.0
LOOK_SECONDS = 0.05


class Trial:
    """Workers with one operation. Use it in a `with` block, by `trying`."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.printed: list[str] = []
        self._runs = 0
        self._given = folder / "inputs"
        self._given.mkdir()  # now: what is made beside the hidden folder once there is a worker it cannot read
        self._pool = Pool(1, self.printed.append)
        self._pool.open_to(folder / "staging", folder / STATE)

    def close(self) -> None:
        """End the workers."""
        self._pool.close()

    @cached_property
    def extension(self) -> Extension:
        """What the package declares."""
        found = extension_of(self.subject.package, self._pool)
        if found is None:
            raise Fault(f"{self.subject.package} {NOT_INSTALLED}")
        if found.problem:
            raise Fault(f"it cannot be used: {found.problem}")
        return found

    @cached_property
    def declaration(self) -> Declaration:
        """What the operation declares."""
        found = {each.name: each for each in self.extension.declarations}
        if self.subject.operation not in found:
            raise Fault(f"{self.subject.package} offers no {self.subject.operation}")
        return found[self.subject.operation]

    @cached_property
    def models(self) -> Installed:
        """What it can use."""
        return self.subject.models(self.declaration, self.place())

    @cached_property
    def resolved(self) -> Resolved:
        """What its settings resolve to."""
        answer = self.resolve(self.subject.settings or self.declaration.example)
        if not isinstance(answer, Resolved):
            where, what = answer[0]
            place = ".".join(map(str, where)) or "they"
            raise Lacking(f"its settings cannot be: {place}: {what}; declare an example: Operation(example={{…}})")
        if answer.missing:
            names = ", ".join(answer.missing)
            raise Lacking(f"it lacks the model {names}: librarian models; in a test, override `models` to make {names}")
        return answer

    def resolve(self, settings: Mapping[str, Any]) -> Any:
        """A worker's answer to settings.

        Raises:
            Fault: none can be had.
        """
        try:
            return Validator(self._pool, models=self.models)(self.declaration, settings)
        except ExtensionError as error:
            raise Fault(f"{error}; settings that cannot be raise ValueError, and others nothing") from None

    def inputs(self, sound: Callable[[Path], None] | None = None) -> Inputs:
        """Inputs for a run, in a folder of their own."""
        return self.subject.inputs(self.declaration, self.place(), sound)

    def place(self) -> Path:
        """A new folder from which workers can read."""
        folder = self._given / str(len(os.listdir(self._given)))
        folder.mkdir()
        return folder

    def request(self, given: Inputs) -> Message:
        """The message that asks for a run; `folder` is put in when it is sent."""
        return requests.run(
            self.declaration,
            self.resolved.settings,
            given,
            unit=UNIT,
            seed=1,
            audio={"format": "flac", "bits": 24},
            device="cpu",
            models=self.models.given(self.resolved.models),
        )

    def answer(self, given: Inputs, *, hosts: bool = True) -> tuple[Message, Path]:
        """The answer to a run, and the folder that it wrote in.

        Args:
            given: its inputs.
            hosts: whether it may talk to its hosts.
        """
        return self.answer_to(self.request(given), hosts=hosts)

    def answer_to(self, message: Message, *, hosts: bool = True) -> tuple[Message, Path]:
        """The same, where the message is there already."""
        request = self.begin(message, hosts=hosts)
        while True:
            for answered, answer in self._pool.wait(None):
                if answered is request:
                    return answer, Path(request.message["folder"])

    def begin(self, message: Message, heard: OnInterim = lambda said: None, *, hosts: bool = True) -> Request:
        """Have a worker begin a run; its folder is put into the message.

        Args:
            message: what asks for it.
            heard: is told its progress, and what it saves.
            hosts: whether it may talk to its hosts.
        """
        self._runs += 1
        name = f"task{self._runs}"

        def prepare(worker: str) -> None:
            made = self.folder / "staging" / worker / name
            made.mkdir(exist_ok=True)
            message["folder"] = os.fspath(made)

        reached = self.resolved.hosts if hosts else ()
        request = Request(message, TIMEOUT, prepare=prepare, on_interim=heard, hosts=reached)
        self._pool.submit(request)
        return request

    def stop_within(self, request: Request, seconds: float, begun: Callable[[], bool]) -> Message | None:
        """End the workers once a run has begun, or after a while; its answer, if it was quicker than that."""
        until = time.monotonic() + seconds
        while not begun() and time.monotonic() < until:
            for answered, answer in self._pool.wait(LOOK_SECONDS):
                if answered is request:
                    return answer
        self._pool.close()
        return None

    def done(self, given: Inputs | None = None) -> tuple[Message, Path]:
        """The answer to a run that has to succeed, and the folder that it wrote in.

        Raises:
            Fault: it failed.
            Lacking: no server of its answers.
        """
        answer, made = self.answer(self.inputs() if given is None else given)
        check_done(answer)
        return answer, made


def check_done(answer: Message) -> None:
    """Refuse the answer to a run that did not succeed.

    Raises:
        Fault: it failed.
        Lacking: no server of its answers.
    """
    if answer["type"] != "done":
        cause = answer.get("cause", {})
        if cause.get("reason") == "unreachable":
            raise Lacking("no server of its answers; start one, or give the test one of its own")
        raise Fault(f"a run fails: {reason_of(answer)}; let it succeed with these settings")


@contextmanager
def trying(subject: Subject, folder: Path) -> Iterator[Trial]:
    """Workers for one operation.

    Args:
        subject: the operation.
        folder: an empty one.
    """
    trial = Trial(subject, folder)
    try:
        yield trial
    finally:
        trial.close()

"""The requests that a worker answers, as the parent writes them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from librarian.models.known import Model
from librarian.operation import Declaration
from librarian.workers.messages import Message

OnInterim = Callable[[Message], None]


def _ignore(message: Message) -> None:
    pass


@dataclass(eq=False)
class Request:
    """Something for a worker to do.

    Attributes:
        message: what is sent.
        timeout: time after which the worker is ended (s), from when nothing older is under way there; None for as
            long as it takes.
        prepare: called with the worker's name before the message is sent, for what depends on it; again where it has
            to be sent once more.
        on_interim: called with `progress` and `state` messages.
        hosts: hosts that its worker may talk to; none: it has no network.
        device: where it is worked on: `cpu`, `cuda` (any GPU) or `cuda:N`.
        route: what it has in common with requests that the same warm worker serves best.
        alone: whether nothing else may be under way in its worker: something was, and it is not known which of them
            ended the worker.
        retried: whether it failed with a GPU that others may have left broken, and has its second try.
        queued: when it was asked for (monotonic, s).
        waited: time until it was begun (s).
    """

    message: Message
    timeout: float | None = None
    prepare: Callable[[str], None] | None = None
    on_interim: OnInterim = _ignore
    hosts: tuple[str, ...] = ()
    device: str = ""
    route: str = ""
    alone: bool = False
    retried: bool = False
    queued: float = field(default_factory=time.monotonic)
    waited: float = 0.0

    def __post_init__(self) -> None:
        self.device = self.device or self.message.get("device", "cpu")
        self.route = self.route or route_of(self.message)

    def take_next_rung(self) -> None:
        """Ask for what needs less memory than the try that the machine ended; without anything beside it."""
        self.message["rung"] = self.message.get("rung", 0) + 1
        self.alone = True


def route_of(message: Message) -> str:
    """A digest of the operation, its settings, its models and the device; of anything but a task, its type."""
    if message["type"] != "run":
        return str(message["type"])
    route = [message["operation"], message["device"], message["settings"], message["models"]]
    return hashlib.blake2b(json.dumps(route, sort_keys=True).encode(), digest_size=12).hexdigest()


def declare(package: str, version: str, entry_point: str, value: str) -> Message:
    """What do the operations of one installed extension declare?"""
    return {
        "type": "declare",
        "package": package,
        "version": version,
        "entry_point": entry_point,
        "value": value,
    }


def validate(declaration: Declaration, settings: Mapping[str, Any], installed: Sequence[Model]) -> Message:
    """What do these settings resolve to, where these models are installed?"""
    models = [asdict(each) for each in installed]
    return {"type": "validate", "operation": declaration.full_name, "settings": dict(settings), "installed": models}


def checks(package: str, value: str) -> Message:
    """What does one installed extension find of itself on this machine?"""
    return {"type": "checks", "package": package, "value": value}


def examine(outside: Path, hidden: Path) -> Message:
    """What does a worker reach of what should be kept from it, and is it as quiet as it should be?"""
    return {"type": "examine", "outside": os.fspath(outside), "hidden": os.fspath(hidden)}


def probe(path: Path | str) -> Message:
    """What does this recording hold?"""
    return {"type": "probe", "path": os.fspath(path)}


def probes(paths: Sequence[Path | str]) -> Message:
    """What does each of these recordings hold? Answered by as many `answers`."""
    return {"type": "probes", "paths": [os.fspath(path) for path in paths]}


def measure(path: Path | str, *, curves: bool) -> Message:
    """What are the levels and the quality of this sound? With `curves`, also what a picture of it is drawn from."""
    return {"type": "measure", "path": os.fspath(path), "curves": curves}


def find_names(texts: Sequence[str], model: str, given: Mapping[str, Any]) -> Message:
    """Which names does this model find in each of these texts? `given` is where it lies, as `Installed.given` says."""
    return {"type": "names", "texts": list(texts), "model": model, "models": dict(given)}


def revise(path: Path | str, kind: str, operation: str, ending: str, facts: Mapping[str, Any]) -> Message:
    """Is this file what it has to be in the place of a result, and what is kept of it? See `workers.revising`.

    Where to write (`folder`) and what the name begins with (`stem`) is put in before it is sent.
    """
    return {
        "type": "revise",
        "path": os.fspath(path),
        "kind": kind,
        "operation": operation,
        "ending": ending,
        "facts": dict(facts),
    }


def source(
    path: Path | str,
    kind: str,
    role: str,
    facts: Mapping[str, Any],
    *,
    recording: str = "",
    item: int = 0,
    revised: bool = False,
) -> Message:
    """One input of a task."""
    sound = {name: int(facts.get(name, 0)) for name in ("sample_rate", "frames", "channels")}
    place = {"role": role, "recording": recording, "item": item, "revised": revised}
    return {"path": os.fspath(path), "kind": kind, **place, **sound, "facts": dict(facts)}


def run(
    declaration: Declaration,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Message | list[Message]],
    *,
    unit: str,
    seed: int,
    audio: Mapping[str, Any] | None,
    device: str,
    models: Mapping[str, Any],
) -> Message:
    """Do one task, with these models.

    Before it is sent, `folder` is put in, where it writes, and as `state` what an attempt before it saved.
    """
    return {
        "type": "run",
        "operation": declaration.full_name,
        "settings": dict(settings),
        "models": dict(models),
        "inputs": dict(inputs),
        "device": device,
        "seed": seed,
        "stem": f"{unit}.{declaration.name}",
        "audio": None if audio is None else dict(audio),
        "state": {},
    }

"""The requests that a worker answers, as the parent writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from librarian.operation import Declaration
from librarian.workers.messages import Message


def declare(package: str, version: str, entry_point: str, value: str) -> Message:
    """What do the operations of one installed extension declare?"""
    return {
        "type": "declare",
        "package": package,
        "version": version,
        "entry_point": entry_point,
        "value": value,
    }


def validate(declaration: Declaration, settings: Mapping[str, Any]) -> Message:
    """What do these settings resolve to?"""
    return {"type": "validate", "operation": declaration.full_name, "settings": dict(settings)}


def probe(path: Path) -> Message:
    """What does this recording hold?"""
    return {"type": "probe", "path": os.fspath(path)}


def probes(paths: Sequence[Path]) -> Message:
    """What does each of these recordings hold? Answered by as many `answers`."""
    return {"type": "probes", "paths": [os.fspath(path) for path in paths]}


def source(
    path: Path | str, kind: str, role: str, facts: Mapping[str, Any], *, recording: str = "", item: int = 0
) -> Message:
    """One input of a task."""
    sound = {name: int(facts.get(name, 0)) for name in ("sample_rate", "frames", "channels")}
    place = {"role": role, "recording": recording, "item": item}
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
    state: Mapping[str, Any],
) -> Message:
    """Do one task. The folder to write in is put in as `folder` before it is sent."""
    return {
        "type": "run",
        "operation": declaration.full_name,
        "settings": dict(settings),
        "inputs": dict(inputs),
        "device": device,
        "seed": seed,
        "stem": f"{unit}.{declaration.name}",
        "audio": None if audio is None else dict(audio),
        "state": dict(state),
    }

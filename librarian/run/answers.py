"""A worker's answer to a task → what is believed of it: the names of its files, its secrets, its times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from librarian.plan import Task
from librarian.workers.messages import Message


class BadAnswerError(Exception):
    """A worker's answer that cannot be believed."""


def named(answer: Message, task: Task) -> dict[str, Mapping[str, Any]]:
    """File name → output, as the worker says; refused unless it is what the step's outputs are called."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in answer["outputs"]:
        output, item = each["output"], each["item"]
        if "secret" in each:
            continue
        stem = f"{task.home}.{task.step.declaration.name}.{output}" + ("" if item is None else f".{item:04d}")
        if output not in task.step.outputs or each["file"].rpartition(".")[0] != stem:
            raise BadAnswerError("an output has another name than it should")
        found[each["file"]] = each
    if {each["output"] for each in found.values()} < {
        output for output, port in task.step.outputs.items() if not (port.many or port.secret)
    }:
        raise BadAnswerError("an output is missing")
    return found


def secrets(answer: Message, task: Task) -> dict[str, str]:
    """Output → document, of what stays in the vault; refused unless that is what the step says of its outputs."""
    found = {
        each["output"]: json.dumps(each["secret"], allow_nan=False) for each in answer["outputs"] if "secret" in each
    }
    if found.keys() != {output for output, port in task.step.outputs.items() if port.secret}:
        raise BadAnswerError("what should stay in the vault is not what it says does")
    return found


def timings(answer: Message) -> dict[str, float]:
    """Seconds that it says each stage took; refused where they cannot be."""
    found = {name: round(float(answer["timings"][name]), 4) for name in ("read", "load", "compute", "write")}
    if not all(0 <= spent < float("inf") for spent in found.values()):
        raise BadAnswerError("a time that it says it took cannot be")
    return found

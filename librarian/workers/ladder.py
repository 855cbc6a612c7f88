"""Child side: what is tried, one after the other, where memory does not suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from librarian.operation import Operation, Settings
from librarian.workers.discovery import BrokenExtensionError, changes_result, public


@dataclass(frozen=True)
class Rung:
    """One way to run a task.

    Attributes:
        settings: the settings it runs with.
        device: where.
        record: what it changes, as the record says it; empty for the first rung, which is what was asked for.
        degrades: whether it can change the result.
    """

    settings: Settings
    device: str
    record: Mapping[str, Any] = field(default_factory=dict)
    degrades: bool = False

    def __str__(self) -> str:
        if device := self.record.get("device"):
            return f"on the {device}"
        given = self.record["settings"].items()
        return "with " + " and ".join(f"{name} {value:g}" if _is_number(value) else name for name, value in given)


def rungs_of(operation: Operation, settings: Settings, device: str) -> list[Rung]:
    """All ways to run a task: as asked for, then as the operation's ladder says, then on the CPU where it may.

    Raises:
        BrokenExtensionError: the ladder gives no settings of the operation.
    """
    rungs = [Rung(settings, device)]
    for given in operation.ladder(settings) if operation.ladder else ():
        changed = _changed(operation, settings, given)
        names = [name for name in type(settings).model_fields if getattr(changed, name) != getattr(settings, name)]
        if not names:
            continue  # it was asked for so
        degrades = any(changes_result(type(settings).model_fields[name]) for name in names)
        rungs.append(Rung(changed, device, {"settings": public(changed, names)}, degrades))
    if device.startswith("cuda") and operation.resources.gpu == "optional":
        rungs.append(Rung(settings, "cpu", {"device": "cpu"}))
    return rungs


def _changed(operation: Operation, settings: Settings, given: Any) -> Settings:
    try:
        return type(settings).model_validate({**settings.model_dump(mode="json"), **given})
    except (ValidationError, TypeError):
        raise BrokenExtensionError(f"the ladder of {operation.name} gives settings that it does not take") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

"""What changed between two key documents, and how to say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from librarian.job import Step
from librarian.keys import canonical

INPUT_CHANGED = "its input changed"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """Where two key documents differ: (part, name, old value, new value)."""
    for part in ("schema", "operation", "version", "code", "inputs", "audio"):
        if _differ(old, new, part):
            yield part, "", old.get(part), new.get(part)
    for part in ("settings", "models"):
        before, after = old.get(part) or {}, new.get(part) or {}
        for name in sorted({*before, *after}):
            if _differ(before, after, name):
                yield part, name, before.get(name), after.get(name)


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    # As the key sees it: what is null is not what is left out, and 1 is not true.
    return (name in old) != (name in new) or canonical(old.get(name)) != canonical(new.get(name))


def describe(old: Mapping[str, Any], new: Mapping[str, Any], step: Step) -> str:
    """What changed between two key documents, as `target −16 → −20 LUFS`."""
    found = differences(old, new)
    return ", ".join(
        _describe_one(part, name, before, after, _unit(step, new, name)) for part, name, before, after in found
    )


def _unit(step: Step, document: Mapping[str, Any], name: str) -> str:
    schema = step.declaration.settings_schema.get("properties", {}).get(name, {})
    settings = document.get("settings") or {}
    for setting, units in schema.get("unit_by", {}).items():
        if unit := units.get(str(settings.get(setting))):
            return str(unit)
    return str(schema.get("unit", ""))


def _describe_one(part: str, name: str, before: Any, after: Any, unit: str) -> str:
    if part == "inputs":
        return INPUT_CHANGED
    if part == "code":
        return "code changed" if before and after else "its code counts now" if after else "its code counts no more"
    if part == "audio":
        before, after = (f"{each.get('format')} {each.get('bits')}" if each else "none" for each in (before, after))
    if part == "models" or _is_text(before) or _is_text(after):
        return f"{name} changed"
    return f"{name or part} {_show(before)} → {_show(after)}{' ' + unit if unit else ''}"


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, dict, list)) and "text:" in str(value)


def _show(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.12g}".replace("-", "\N{MINUS SIGN}")
    return "default" if value is None else str(value)

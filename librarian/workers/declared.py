"""Parent side: which extensions are installed, and what they declare, without importing any of them.

Entry points are read from package metadata; a worker imports them, one at a time. One that raises, hangs or kills its
worker is named, and hurts only the jobs that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from librarian.errors import ExtensionError
from librarian.operation import Declaration, Resolved
from librarian.workers import requests
from librarian.workers.messages import Message
from librarian.workers.pool import Workers, ask

GROUP = "librarian"
IMPORT_TIMEOUT = 30.0
VALIDATE_TIMEOUT = 30.0


@dataclass(frozen=True)
class Extension:
    """An installed extension: what it declares, or why it cannot be used."""

    package: str
    version: str
    declarations: tuple[Declaration, ...] = ()
    problem: str = ""


def extensions(workers: Workers) -> list[Extension]:
    """All installed extensions, by package name."""
    found = [_declared(package, version, point, workers) for package, version, point in _installed()]
    return sorted(found, key=lambda extension: extension.package)


def _installed() -> Iterator[tuple[str, str, EntryPoint]]:
    seen = set()
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else point.value
        if (package, point.value) not in seen:
            seen.add((package, point.value))
            yield package, point.dist.version if point.dist else "0", point


def _declared(package: str, version: str, point: EntryPoint, workers: Workers) -> Extension:
    answer = ask(workers, requests.declare(package, version, point.name, point.value), IMPORT_TIMEOUT)
    if answer["type"] != "done":
        return Extension(package, version, problem=reason_of(answer))
    try:
        declarations = tuple(Declaration.model_validate(each) for each in answer["declarations"])
    except (ValidationError, KeyError):
        return Extension(package, version, problem="what it declares is not readable")
    return Extension(package, version, declarations)


def reason_of(answer: Message) -> str:
    """Why a request failed, in one line, as the worker said it: to be scrubbed before it is shown."""
    cause = answer.get("cause", {})
    parts = (cause.get("exception"), cause.get("message") or cause.get("reason"))
    return ": ".join(str(part) for part in parts if part).split("\n")[0]


def validator(workers: Workers) -> Callable[[Declaration, Mapping[str, Any]], Resolved | Sequence[tuple[Any, str]]]:
    """What `job.resolve` asks about settings: a worker validates them."""

    def validate(declaration: Declaration, given: Mapping[str, Any]) -> Resolved | Sequence[tuple[Any, str]]:
        answer = ask(workers, requests.validate(declaration, given), VALIDATE_TIMEOUT)
        if answer["type"] == "problems":
            return [(tuple(place), message) for place, message in answer["problems"]]
        if answer["type"] != "done":
            raise ExtensionError(f"{declaration.full_name} cannot validate its settings: {reason_of(answer)}")
        return Resolved.read(answer["resolved"])

    return validate

"""The conformance suite of a whole package, check by check, for who has no test of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from librarian.testing import checks, secrecy, strain
from librarian.testing.subject import Fault, NotApplicable, Subject
from librarian.testing.trial import trying

Check = Callable[[Subject, Path], str]
State = Literal["ok", "failed", "not applicable"]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", checks.settings_are_described),
    ("outputs", checks.outputs_are_as_declared),
    ("folders", checks.writes_only_in_its_folder),
    ("same bytes", checks.same_bytes_twice),
    ("names", secrecy.names_no_one),
    ("network", secrecy.needs_no_network),
    ("odd sounds", strain.takes_or_refuses_odd_sounds),
    ("ended", strain.starts_again_where_it_was_ended),
    ("memory", strain.memory_is_as_declared),
)
"""Of an operation."""


@dataclass(frozen=True)
class Result:
    """What came of a check.

    Attributes:
        operation: whose; empty for the package.
        check: which.
        state: `failed` says the remedy, `not applicable` why.
        text: one line.
        ends: whether nothing else of the package could be checked.
    """

    operation: str
    check: str
    state: State
    text: str
    ends: bool = False


def results(subject: Subject, folder: Path) -> Iterator[Result]:
    """All checks of a package.

    Args:
        subject: its package, and how its operations are run.
        folder: an empty one.
    """
    yield _result(subject, "import", checks.import_is_light, folder)
    (folder / "declared").mkdir()
    try:
        with trying(subject, folder / "declared") as trial:
            found = trial.extension
    except Fault as error:
        yield Result("", "declared", "failed", str(error), ends=True)
        return
    if found.recognizers:
        types = sorted({each["type"] for each in found.recognizers})
        yield Result("", "recognizers", "ok", f"can be read: {', '.join(types)}")
    elif not found.declarations:
        yield Result("", "declared", "failed", "it offers nothing; implement librarian_operations with @hookimpl")
    for declaration in found.declarations:
        for number, (name, check) in enumerate(CHECKS):
            place = folder / f"{declaration.name}-{number}"
            place.mkdir()
            result = _result(replace(subject, operation=declaration.name), name, check, place)
            yield result
            if check is checks.settings_are_described and result.state == "not applicable":
                break  # without settings that can be there is nothing to run


def _result(subject: Subject, name: str, check: Check, folder: Path) -> Result:
    try:
        return Result(subject.operation, name, "ok", check(subject, folder))
    except NotApplicable as error:
        return Result(subject.operation, name, "not applicable", str(error))
    except Fault as error:
        return Result(subject.operation, name, "failed", str(error))

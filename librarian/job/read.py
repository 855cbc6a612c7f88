"""Text → `Read`: the file checked against its schema, with every problem at its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from librarian.errors import ExtensionError, JobError
from librarian.job.file import JobFile, StepEntry
from librarian.job.yamltext import Document, Place, YamlProblemError, parse, read_file
from librarian.operation import message_of


@dataclass(frozen=True)
class Problem:
    """Something wrong in a job file. `missing` marks what installing an extension would mend."""

    place: Place
    message: str
    missing: bool = False

    def __str__(self) -> str:
        where = ".".join(str(part) for part in self.place)
        return f"{where}: {self.message}" if where else self.message


@dataclass
class Read:
    """A job file as read.

    Attributes:
        name: how the file is called in messages.
        folder: what relative paths in it are relative to.
        content: its bytes.
        document: its data and positions.
        file: the file by its schema; None where that has problems.
        steps: index → step, those that are well-formed by themselves.
        problems: what is wrong so far.
    """

    name: str
    folder: Path
    content: bytes
    document: Document
    file: JobFile | None
    steps: dict[int, StepEntry]
    problems: list[Problem] = field(default_factory=list)

    def check(self) -> None:
        """Raise what is wrong, in the order of the file.

        Raises:
            ExtensionError: all that is wrong is missing extensions.
            JobError: anything else is wrong.
        """
        if not self.problems:
            return
        placed = sorted(
            ((self.document.position(problem.place), problem) for problem in self.problems),
            key=lambda pair: pair[0],
        )
        lines = [f"{self.name}:{line}:{column}: {problem}" for (line, column), problem in placed]
        if all(problem.missing for problem in self.problems):
            raise ExtensionError("\n".join(lines))
        raise JobError(lines)


def read(path: Path) -> Read:
    """Read a job file.

    Raises:
        JobError: it cannot be opened, or is no YAML that we take.
    """
    try:
        content = read_file(path)
    except OSError as error:
        raise JobError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except YamlProblemError as problem:
        raise JobError([f"{path}: {problem.message}"]) from None
    return read_bytes(content, name=str(path), folder=path.resolve().parent)


def read_bytes(content: bytes, *, name: str, folder: Path) -> Read:
    """Read the text of a job file.

    Raises:
        JobError: it is no YAML that we take.
    """
    try:
        document = parse(content)
    except YamlProblemError as problem:
        raise JobError([f"{name}:{problem.line + 1}:{problem.column + 1}: {problem.message}"]) from None
    found = Read(name, folder, content, document, None, {})
    if not isinstance(document.data, dict):
        found.problems.append(Problem((), "a job file is a mapping; start with: librarian: 1"))
        return found
    try:
        found.file = JobFile.model_validate(document.data)
    except ValidationError as error:
        found.problems.extend(problems_of(error, document))
    found.steps = dict(_well_formed(document.data.get("steps")))
    return found


def _well_formed(steps: Any) -> Iterator[tuple[int, StepEntry]]:
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        try:
            yield index, StepEntry.model_validate(step)
        except ValidationError:
            continue


def problems_of(error: ValidationError, document: Document, above: Place = ()) -> list[Problem]:
    """Pydantic's errors as problems, one a place: of a union's branches the one that came deepest."""
    found: dict[Place, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        place = _known_part((*above, *detail["loc"]), document.positions, detail["type"] == "missing")
        found.setdefault(place, message_of(detail))
    deepest = [place for place in found if not any(_lies_below(other, place) for other in found)]
    return [Problem(place, found[place]) for place in deepest]


def _lies_below(place: Place, above: Place) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _known_part(place: Place, positions: Mapping[Place, Any], missing: bool) -> Place:
    # A union puts the names of its branches into the location; the document knows none of them.
    kept: Place = ()
    for part in place:
        if (*kept, part) in positions:
            kept = (*kept, part)
    return (*kept, place[-1]) if missing else kept

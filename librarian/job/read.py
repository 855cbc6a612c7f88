"""Text → `Read`: the file checked against its schema, with every problem at its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from librarian.errors import ExtensionError, JobError, MissingError, RefusedError
from librarian.job.changes import apply
from librarian.job.file import (
    MOST_STEPS,
    AllowEntry,
    AudioFormat,
    JobFile,
    ListEntry,
    PrivacyEntry,
    RecordingsEntry,
    RunEntry,
    StepEntry,
)
from librarian.job.yamltext import Document, Place, YamlProblemError, parse, read_file
from librarian.operation import message_of

UNKNOWN_KEY = "unknown key"
IS_MISSING = "is missing"
"""Two messages of `message_of` that say more about the place."""
_WRONG_TYPE = "input should be a valid "

_MOST_TO_COMPARE = 200
"""Words among which what was meant is looked for; among thousands it would take minutes."""
_LONGEST_PART = 48
_LONGEST_MESSAGE = 500


_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): JobFile,
    ("recordings", "*"): RecordingsEntry,
    ("recordings", "*", "list"): ListEntry,
    ("steps", "*"): StepEntry,
    ("privacy",): PrivacyEntry,
    ("allow",): AllowEntry,
    ("run",): RunEntry,
}


class MissingExtensionError(ExtensionError):
    """All that is wrong with a job file is extensions that are missing or broken. `problems` are as in `JobError`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class MissingModelError(MissingError):
    """All that is wrong with a job file is models that are missing: `models`. `problems` are as in `JobError`."""

    def __init__(self, problems: Sequence[str], models: Iterable[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems, self.models = tuple(problems), tuple(dict.fromkeys(models))


class RefusedJobError(RefusedError):
    """What privacy forbids in a job file. `problems` are as in `JobError`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Problem:
    """Something wrong in a job file.

    Attributes:
        place: where, or where something is missing.
        message: what is wrong.
        missing: whether installing or mending an extension, or installing a model, would mend it.
        model: that model.
        of_key: whether the key at the place is wrong, not its value.
    """

    place: Place
    message: str
    missing: bool = False
    model: str = ""
    of_key: bool = False

    def __str__(self) -> str:
        where = ".".join(_shown(str(part), _LONGEST_PART) or "''" for part in self.place)
        message = _shown(self.message, _LONGEST_MESSAGE)
        return f"{where}: {message}" if where else message


def _shown(text: str, longest: int) -> str:
    # A key is the job file's own text: it may hold line breaks, escape sequences and a novel.
    line = "".join(char if char.isprintable() else "?" for char in text[: longest + 1])
    return line if len(line) <= longest else line[: longest - 1] + "…"


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
        last: the last step that is to be run; empty: all are. The models of others may be missing.
    """

    name: str
    folder: Path
    content: bytes
    document: Document
    file: JobFile | None
    steps: dict[int, StepEntry]
    problems: list[Problem] = field(default_factory=list)
    last: str = ""

    def wants(self, step: str) -> bool:
        """Whether a step is to be run: the last one, and what it needs."""
        return not self.last or step in self._wanted

    @cached_property
    def _wanted(self) -> frozenset[str]:
        entries = {entry.id: entry for entry in self.steps.values()}
        found, waiting = set[str](), [self.last]
        while waiting:
            name = waiting.pop()
            if name in entries and name not in found:
                found.add(name)
                waiting += [each.partition(".")[0] for each in entries[name].named]
        return frozenset(found)

    def check(self) -> None:
        """Raise what is wrong, in the order of the file.

        Raises:
            MissingModelError: all that is wrong is missing models.
            MissingExtensionError: all that is wrong is missing extensions, or these and models.
            JobError: anything else is wrong.
        """
        if not self.problems:
            return
        if all(problem.model for problem in self.problems):
            raise MissingModelError(self.lines(), (problem.model for problem in self.problems))
        if all(problem.missing for problem in self.problems):
            raise MissingExtensionError(self.lines())
        raise JobError(self.lines())

    def lines(self) -> list[str]:
        """One line a problem, in the order of the file."""
        placed = [(self.document.position(each.place, of_key=each.of_key), each) for each in self.problems]
        placed.sort(key=lambda pair: pair[0])
        return [f"{self.name}:{line}:{column}: {problem}" for (line, column), problem in placed]


def read(path: Path, changes: Sequence[str] = (), last: str = "") -> Read:
    """Read a job file.

    Args:
        path: the file.
        changes: `place=value`, put in before anything is checked; steps and recordings go by their ids.
        last: the last step that is to be run; empty: all are.

    Raises:
        JobError: it cannot be opened, or is no YAML that we take.
        UsageError: a change has no such form, or no such place.
    """
    name = _shown(str(path), _LONGEST_MESSAGE)
    try:
        content = read_file(path)
    except OSError as error:
        raise JobError([f"{name}:1:1: cannot be read: {error.strerror or error}"]) from None
    except YamlProblemError as problem:
        raise JobError([f"{name}:1:1: {problem.message}"]) from None
    return replace(read_bytes(content, name=name, folder=path.resolve().parent, changes=changes), last=last)


def read_bytes(content: bytes, *, name: str, folder: Path, changes: Sequence[str] = ()) -> Read:
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
    for change in changes:
        apply(change, document)
    try:
        found.file = JobFile.model_validate(document.data)
    except ValidationError as error:
        found.problems.extend(problems_of(error, document))
    found.steps = dict(_well_formed(document.data.get("steps")))
    return found


def _well_formed(steps: Any) -> Iterator[tuple[int, StepEntry]]:
    for index, step in enumerate(steps[:MOST_STEPS] if isinstance(steps, list) else ()):
        try:
            yield index, StepEntry.model_validate(step)
        except ValidationError:
            continue


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """Pydantic's errors as problems."""
    details = error.errors(include_url=False, include_input=False)
    found = problems_at(((detail["loc"], message_of(detail)) for detail in details), document)
    return [
        replace(each, message=each.message + did_you_mean(str(each.place[-1]), _keys_at(each.place[:-1])))
        if each.of_key
        else each
        for each in found
    ]


def _keys_at(place: Place) -> list[str]:
    """The keys that a job file may have at a place."""
    form = tuple("*" if isinstance(part, int) else part for part in place)
    model = _MODELS.get(form) or (AudioFormat if form[-1:] == ("audio",) else None)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean …?`, where one of the known words is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1) if len(known) <= _MOST_TO_COMPARE else []
    return f"; did you mean {close[0]}?" if close else ""


def problems_at(found: Iterable[tuple[Place, str]], document: Document, above: Place = ()) -> list[Problem]:
    """What is wrong as problems, one a place: of a union's branches the one that came deepest.

    Args:
        found: places, as pydantic writes them, and messages.
        document: where the places are.
        above: what the places are relative to.
    """
    messages: dict[Place, list[str]] = {}
    for place, message in found:
        known = _known_part(place, document.positions, above)
        messages.setdefault((*known, place[-1]) if message == IS_MISSING else known, []).append(message)
    passed = {place[:length] for place in messages for length in range(len(place))}
    return [
        Problem(place, _of_branches(each), of_key=UNKNOWN_KEY in each)
        for place, each in messages.items()
        if place not in passed
    ]


def _of_branches(messages: list[str]) -> str:
    """What a union's branches say of one value; those that wanted another type do not count if others say more."""
    more = [message for message in messages if not message.startswith(_WRONG_TYPE)]
    return " or ".join(dict.fromkeys(more or messages))


def _known_part(place: Place, positions: Mapping[Place, Any], above: Place) -> Place:
    # A union puts the names of its branches into the location; the document knows none of them.
    kept = above
    for part in place:
        if (*kept, part) in positions:
            kept = (*kept, part)
    return kept

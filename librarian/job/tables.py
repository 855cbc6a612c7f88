"""`list: files.csv` → a `Table`: labels, and settings of single recordings.

The first line names the columns. `file` says which recording a row is of: the end of its path. `label` is what the
owner calls it. A column that is called as a setting is (`language`, or `words.language` for one step) gives that
setting for the recording; an empty cell gives nothing. Every other column is the owner's own: its texts are kept out
of every record.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from librarian.errors import ExtensionError
from librarian.files import open_regular
from librarian.job.file import ListEntry, RecordingsEntry
from librarian.job.model import Row, Step, Table
from librarian.job.read import Problem, Read
from librarian.job.yamltext import Place
from librarian.operation import Declaration, Port, Resolved

Validate = Callable[[Declaration, Mapping[str, object]], "Resolved | Sequence[tuple[Place, str]]"]
"""Settings of an operation → what a worker made of them, or (place in the settings, message) of what is wrong."""

FILE, LABEL = "file", "label"
MOST_BYTES = 64 << 20
MOST_PROBLEMS = 20
_SEPARATORS = ",;\t"


class TableError(Exception):
    """A list that cannot be read, and why."""


@dataclass(frozen=True)
class _Column:
    """A column that gives a setting: which steps take it."""

    index: int
    setting: str
    steps: tuple[str, ...]


def _forms(outputs: Mapping[str, Port]) -> dict[str, tuple[str, bool]]:
    """What a step puts out, without whether it is clean: that hangs on what the step is given."""
    return {name: (port.kind, port.many) for name, port in outputs.items()}


def read_tables(read: Read, steps: Sequence[Step], validate: Validate) -> dict[str, Table]:
    """The lists of a job file; what is wrong with them is added to its problems."""
    found: dict[str, Table] = {}
    for index, entry in enumerate(read.file.recordings if read.file else ()):
        if entry.table is None:
            continue
        reader = _Reader(read, entry, index, steps, validate)
        try:
            found[entry.id] = reader.table(entry.table)
        except TableError as error:
            read.problems.append(Problem(("recordings", index, "list"), str(error)))
    return found


def _lines(read: Read, table: ListEntry) -> tuple[list[tuple[int, list[str]]], str]:
    """Its rows, each with the line that it begins on; and the digest of its file."""
    try:
        with open(open_regular(read.folder / table.file), "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise TableError(f"the list is larger than {MOST_BYTES >> 20} MiB")
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        found, line = [], 1
        for row in reader:
            found.append((line, row))
            line = reader.line_num + 1
        return found, hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise TableError(f"the list cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise TableError("the list is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise TableError(f"the list is no CSV: {error}") from None


class _Reader:
    """Reads the list of one recordings entry."""

    def __init__(
        self, read: Read, entry: RecordingsEntry, index: int, steps: Sequence[Step], validate: Validate
    ) -> None:
        self._read, self._entry, self._index, self._validate = read, entry, index, validate
        self._steps = {step.id: step for step in steps}
        self._given = {each.id: each.with_ for each in read.steps.values()}
        self._made: dict[tuple[tuple[str, str, str], ...], Mapping[str, Step]] = {}
        self._problems = 0

    def table(self, stated: ListEntry) -> Table:
        lines, sha256 = _lines(self._read, stated)
        header = [name.strip() for name in lines[0][1]] if lines else []
        if FILE not in header:
            raise TableError("its first line must name the columns, and one of them must be: file")
        if max(Counter(filter(None, header)).values()) > 1:
            raise TableError("two of its columns have one name")
        for name in stated.public:
            if name not in header:
                raise TableError("public: it has no column of that name")
        columns = list(self._columns(header))
        rows = {
            number: row
            for number, cells in lines[1:]
            if any(map(str.strip, cells)) and (row := self._row(number, header, cells, columns))
        }
        taken = {FILE, *(header[column.index] for column in columns)}
        closed = [index for index, name in enumerate(header) if name not in taken and name not in stated.public]
        private = frozenset(cells[index].strip() for _, cells in lines[1:] for index in closed if index < len(cells))
        unused = tuple(name for name in header if name and name not in taken | {LABEL})
        return Table(rows, private - {""}, LABEL in stated.public, unused, sha256)

    def _columns(self, header: Sequence[str]) -> list[_Column]:
        found = []
        for index, name in enumerate(header):
            step, dot, setting = name.rpartition(".")
            takers = tuple(
                each.id
                for each in self._steps.values()
                if setting in each.declaration.settings_schema.get("properties", {}) and (not dot or each.id == step)
            )
            if takers and name not in (FILE, LABEL):
                found.append(_Column(index, setting, takers))
        return found

    def _row(self, line: int, header: Sequence[str], cells: list[str], columns: Sequence[_Column]) -> Row | None:
        cells = [cell.strip() for cell in cells]
        if len(cells) > len(header):
            self._problem(line, "has more cells than the first line has columns")
            return None
        cells += [""] * (len(header) - len(cells))
        named = dict(zip(header, cells, strict=True))
        if not named[FILE]:
            self._problem(line, "names no file")
            return None
        given = tuple(
            (step, column.setting, cells[column.index])
            for column in sorted(columns, key=lambda column: "." in header[column.index])
            for step in column.steps
            if cells[column.index]
        )
        if given not in self._made:
            self._made[given] = self._steps_of(line, given)
        return Row(named[FILE], named.get(LABEL, ""), self._made[given])

    def _steps_of(self, line: int, given: tuple[tuple[str, str, str], ...]) -> Mapping[str, Step]:
        texts: dict[str, dict[str, object]] = {}
        for step, setting, text in given:
            texts.setdefault(step, {})[setting] = text
        found = {step: self._step(line, self._steps[step], settings) for step, settings in texts.items()}
        return {step: made for step, made in found.items() if made}

    def _step(self, line: int, step: Step, settings: Mapping[str, object]) -> Step | None:
        given = {**self._given[step.id], **settings}
        try:
            answer = self._validate(step.declaration, given)
        except ExtensionError as error:
            raise TableError(str(error)) from None
        if not isinstance(answer, Resolved):
            for place, message in answer:
                self._problem(line, f"{'.'.join(map(str, (step.id, *place)))}: {message}")
            return None
        for model, remedy in answer.missing.items() if self._read.wants(step.id) else ():
            self._problem(line, f"{step.id}: {remedy}", model)
        if _forms(answer.outputs) != _forms(step.outputs):
            self._problem(line, f"{step.id}: its settings would change what the step puts out")
            return None
        if lacking := [port for port in answer.needs if port not in step.inputs]:
            self._problem(line, f"{step.id}: with its settings the step takes the input {lacking[0]} too")
            return None
        return replace(
            step,
            settings=answer.settings,
            public=answer.public,
            given=tuple(sorted((given.keys() | step.declaration.told.keys()) - set(answer.chosen))),
            models=answer.models,
            hosts=answer.hosts,
            effects=answer.effects,
        )

    def _problem(self, line: int, message: str, model: str = "") -> None:
        self._problems += 1
        if self._problems <= MOST_PROBLEMS:
            place = ("recordings", self._index, "list")
            self._read.problems.append(Problem(place, f"line {line} of the list: {message}", bool(model), model=model))

"""`Read` and declarations → `Job`: operations found, settings validated, steps connected and put in order."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

from librarian.job.file import AudioFormat, JobFile, StepEntry
from librarian.job.model import Job, Source, Step
from librarian.job.read import Problem, Read
from librarian.job.yamltext import Place
from librarian.operation import Declaration, Port, Resolved

Validate = Callable[[Declaration, Mapping[str, object]], "Resolved | Sequence[tuple[Place, str]]"]
"""Settings of an operation → what a worker made of them, or (place in the settings, message) of what is wrong."""


def resolve(read: Read, declarations: Sequence[Declaration], validate: Validate) -> Job:
    """Check a job against what is installed.

    Raises:
        JobError, ExtensionError: with every problem of the file.
    """
    found = {index: _find(read, index, entry, declarations) for index, entry in read.steps.items()}
    resolved = {
        index: answer
        for index, declaration in found.items()
        if declaration and (answer := _settings(read, index, declaration, validate))
    }
    file = read.file
    if file is None:
        read.check()
        raise AssertionError("a file without problems has a schema")
    _check_served(read, file)
    _check_unique(read, "recordings", [entry.id for entry in file.recordings])
    _check_unique(read, "steps", [entry.id for entry in file.steps], taken={entry.id for entry in file.recordings})
    steps = _connect(read, file, {index: each for index, each in found.items() if each}, resolved)
    read.check()
    return Job(file, read.content, read.folder, tuple(steps))


def _find(read: Read, index: int, entry: StepEntry, declarations: Sequence[Declaration]) -> Declaration | None:
    matches = [each for each in declarations if entry.use in (each.name, each.full_name)]
    if len(matches) == 1:
        return matches[0]
    place: Place = ("steps", index, "use")
    if matches:
        names = " or ".join(sorted(each.full_name for each in matches))
        read.problems.append(Problem(place, f"two extensions offer it; write {names}"))
    else:
        hint = _did_you_mean(entry.use, [each.name for each in declarations])
        reason = f"no installed extension offers it{hint}; what is there: librarian extensions"
        read.problems.append(Problem(place, reason, missing=True))
    return None


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(set(known)), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _settings(read: Read, index: int, declaration: Declaration, validate: Validate) -> Resolved | None:
    given = read.steps[index].with_
    answer = validate(declaration, given)
    if isinstance(answer, Resolved):
        return answer
    known = declaration.settings_schema.get("properties", {})
    for place, message in answer:
        unknown = len(place) == 1 and place[0] not in known
        hint = _did_you_mean(str(place[0]), known) if unknown else ""
        read.problems.append(Problem(("steps", index, "with", *place), message + hint))
    return None


def _check_served(read: Read, file: JobFile) -> None:
    for index, entry in enumerate(file.recordings):
        for name in ("label", "group", "roles", "list_"):
            if getattr(entry, name) is not None:
                read.problems.append(Problem(("recordings", index, name.rstrip("_")), "not served by this version yet"))
    for index, step in enumerate(file.steps):
        for name in ("keep", "missing"):
            if name in step.model_fields_set:
                read.problems.append(Problem(("steps", index, name), "not served by this version yet"))


def _check_unique(read: Read, table: str, ids: Sequence[str], taken: Iterable[str] = ()) -> None:
    seen = set(taken)
    for index, each in enumerate(ids):
        if each in seen:
            read.problems.append(Problem((table, index, "id"), "another entry has this id already"))
        seen.add(each)


def _connect(
    read: Read, file: JobFile, declarations: Mapping[int, Declaration], resolved: Mapping[int, Resolved]
) -> list[Step]:
    entries = [entry.id for entry in file.recordings]
    outputs = {file.steps[index].id: answer.outputs for index, answer in resolved.items()}
    steps: dict[str, Step] = {}
    for index, entry in enumerate(file.steps):
        wiring = _Wiring(read, index, entry, entries, outputs, {step.id for step in file.steps})
        if index not in declarations:
            continue
        declaration = declarations[index]
        inputs = wiring.inputs(declaration)
        if index in resolved:
            steps[entry.id] = _step(entry, declaration, resolved[index], inputs, entry.audio or file.audio)
    return _in_order(read, file, steps)


def _step(
    entry: StepEntry,
    declaration: Declaration,
    resolved: Resolved,
    inputs: Mapping[str, tuple[Source, ...]],
    audio: AudioFormat,
) -> Step:
    writes_audio = any(port.kind == "audio" for port in resolved.outputs.values())
    return Step(
        id=entry.id,
        declaration=declaration,
        settings=resolved.settings,
        public=resolved.public,
        given=tuple(sorted(entry.with_)),
        models=resolved.models,
        inputs=inputs,
        outputs=resolved.outputs,
        audio=audio if writes_audio else None,
    )


class _Wiring:
    """The inputs of one step, from what its `from` says."""

    def __init__(
        self,
        read: Read,
        index: int,
        entry: StepEntry,
        entries: Sequence[str],
        outputs: Mapping[str, Mapping[str, Port]],
        step_ids: set[str],
    ) -> None:
        self.read, self.index, self.entry = read, index, entry
        self.entries, self.outputs, self.step_ids = entries, outputs, step_ids

    def problem(self, message: str, *place: str | int) -> None:
        self.read.problems.append(Problem(("steps", self.index, *(place or ("from",))), message))

    def inputs(self, declaration: Declaration) -> dict[str, tuple[Source, ...]]:
        if declaration.each != "recording":
            self.problem(f"works on each {declaration.each}, which this version does not serve yet", "use")
        if any(port.many for port in (*declaration.inputs.values(), *self._own_outputs().values())):
            self.problem("has a port of many files, which this version does not serve yet", "use")
        given = self._by_port(declaration)
        for port in given.keys() - declaration.inputs.keys():
            self.problem(f"{self.entry.use} has no input of this name: {', '.join(declaration.inputs)}", "from", port)
        needed = {name for name, port in declaration.inputs.items() if not port.optional}
        for port in sorted(needed - given.keys()):
            self.problem(f"the input {port} of {self.entry.use} is missing; write it as a mapping port: step")
        return {
            port: tuple(source for name in names if (source := self._source(port, name, declaration.inputs[port])))
            for port, names in given.items()
            if port in declaration.inputs and self._one_kind_of_source(port, names)
        }

    def _one_kind_of_source(self, port: str, names: Sequence[str]) -> bool:
        if len(names) > 1 and any(name not in self.entries for name in names):
            self.problem(f"the input {port} takes recordings, or one step")
            return False
        return True

    def _own_outputs(self) -> Mapping[str, Port]:
        return self.outputs.get(self.entry.id, {})

    def _by_port(self, declaration: Declaration) -> dict[str, list[str]]:
        stated = self.entry.from_
        if isinstance(stated, dict):
            return {port: [names] if isinstance(names, str) else names for port, names in stated.items()}
        names = self.entries if stated is None else [stated] if isinstance(stated, str) else stated
        first = next(iter(declaration.inputs), "")
        return {first: list(names)}

    def _source(self, port: str, name: str, wanted: Port) -> Source | None:
        if name in self.entries:
            if wanted.kind not in ("audio", "video", "image"):
                self.problem(f"the input {port} takes {wanted.kind}, not recordings")
            return Source(entry=name)
        step, _, output = name.partition(".")
        if step not in self.step_ids:
            hint = _did_you_mean(step, {*self.entries, *self.step_ids})
            self.problem(f"{name} is no recordings entry and no step{hint}")
            return None
        return self._step_source(port, step, output, wanted)

    def _step_source(self, port: str, step: str, output: str, wanted: Port) -> Source | None:
        offered = self.outputs.get(step)
        if offered is None:
            return None  # that step has a problem of its own
        fitting = [name for name, each in offered.items() if wanted.accepts(each)]
        if not output and len(fitting) == 1:
            output = fitting[0]
        if output in fitting:
            return Source(step=step, output=output)
        choices = ", ".join(f"{step}.{name}" for name in fitting) or "nothing that fits"
        self.problem(f"the input {port} takes {wanted.kind}; {step} offers {choices}")
        return None


def _in_order(read: Read, file: JobFile, steps: Mapping[str, Step]) -> list[Step]:
    order: list[Step] = []
    done: set[str] = set()
    waiting = dict(steps)
    while waiting:
        ready = [step for step in waiting.values() if not (_needs(step) & waiting.keys())]
        if not ready:
            _report_cycle(read, file, waiting)
            break
        for step in ready:
            del waiting[step.id]
            done.add(step.id)
        order.extend(ready)
    return order


def _needs(step: Step) -> set[str]:
    return {source.step for sources in step.inputs.values() for source in sources if source.step}


def _report_cycle(read: Read, file: JobFile, waiting: Mapping[str, Step]) -> None:
    for index, entry in enumerate(file.steps):
        if entry.id in waiting:
            names = ", ".join(waiting)
            read.problems.append(Problem(("steps", index, "from"), f"goes round in a circle: {names}"))
            return

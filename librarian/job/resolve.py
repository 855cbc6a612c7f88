"""`Read` and declarations → `Job`: operations found, settings validated, steps connected and put in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from librarian.errors import ExtensionError
from librarian.job.clean import kept_clean
from librarian.job.file import AudioFormat, JobFile, StepEntry
from librarian.job.levels import is_whole, leveled
from librarian.job.model import Job, Source, Step
from librarian.job.read import Problem, Read, did_you_mean, problems_at
from librarian.job.tables import Validate, read_tables
from librarian.job.yamltext import Place
from librarian.operation import FILE, MEDIA, Declaration, Port, Resolved


def resolve(read: Read, declarations: Sequence[Declaration], validate: Validate) -> Job:
    """Check a job against what is installed.

    Raises:
        JobError, ExtensionError: with every problem of the file.
    """
    found = {index: _find(read, index, entry, declarations) for index, entry in read.steps.items()}
    validate = _rooted(validate, read.folder)
    resolved = {
        index: answer
        for index, declaration in found.items()
        if declaration and (answer := _settings(read, index, declaration, validate))
    }
    file = read.file
    if file is None:
        read.check()
        raise AssertionError("a file without problems has a schema")
    _check_unique(read, "recordings", [entry.id for entry in file.recordings])
    _check_unique(read, "steps", [entry.id for entry in file.steps], taken={entry.id for entry in file.recordings})
    steps = _connect(read, file, {index: each for index, each in found.items() if each}, resolved)
    _check_kept(read, file, steps)
    tables = read_tables(read, steps, validate)
    read.check()
    job = Job(file, read.content, read.folder, tuple(steps), tables)
    return replace(job, steps=tuple(_whole(job, step) for step in steps))


def _whole(job: Job, step: Step) -> Step:
    """A step with all hosts and effects that it has for any recording."""
    if step.declaration.hosts == () and step.declaration.effects == ():
        return step
    variants = list(job.variants(step))
    hosts = dict.fromkeys(host for each in variants for host in each.hosts)
    effects = dict.fromkeys(effect for each in variants for effect in each.effects)
    return replace(step, hosts=tuple(hosts), effects=tuple(effects))


def _find(read: Read, index: int, entry: StepEntry, declarations: Sequence[Declaration]) -> Declaration | None:
    matches = [each for each in declarations if entry.use in (each.name, each.full_name)]
    if len(matches) == 1:
        return matches[0]
    place: Place = ("steps", index, "use")
    if any(problem.place == place for problem in read.problems):
        return None  # the caller knows why already: its extension is broken
    if matches:
        choices = " or ".join(sorted(each.full_name for each in matches))
        read.problems.append(Problem(place, f"several extensions offer it; write {choices}"))
    else:
        names = {name for each in declarations for name in (each.name, each.full_name)}
        hint = did_you_mean(entry.use, {name for name in names if ("/" in name) == ("/" in entry.use)})
        reason = f"no installed extension offers it; what is there: librarian extensions{hint}"
        read.problems.append(Problem(place, reason, missing=True))
    return None


def _rooted(validate: Validate, folder: Path) -> Validate:
    """The same, where settings that are paths start from the folder of the job file."""

    def rooted(declaration: Declaration, given: Mapping[str, Any]) -> Resolved | Sequence[tuple[Any, str]]:
        known = declaration.settings_schema.get("properties", {})
        paths = {
            name: os.path.join(folder, value)
            for name, value in given.items()
            if value and isinstance(value, str) and known.get(name, {}).get("format") == "path"
        }
        return validate(declaration, {**given, **paths})

    return rooted


def _settings(read: Read, index: int, declaration: Declaration, validate: Validate) -> Resolved | None:
    try:
        answer = validate(declaration, read.steps[index].with_)
    except ExtensionError as error:
        read.problems.append(Problem(("steps", index, "use"), str(error), missing=True))
        return None
    if isinstance(answer, Resolved):
        for model, remedy in answer.missing.items() if read.wants(read.steps[index].id) else ():
            read.problems.append(Problem(_place_of(model, read.steps[index], index), remedy, True, model=model))
        return answer
    known = declaration.settings_schema.get("properties", {})
    place: Place = ("steps", index, "with")
    for problem in problems_at(((tuple(each), message) for each, message in answer), read.document, place):
        name = str(problem.place[-1])
        unknown = problem.of_key and len(problem.place) == len(place) + 1
        hint = did_you_mean(name, known) if unknown else ""
        read.problems.append(replace(problem, message=problem.message + hint))
    return None


def _place_of(model: str, entry: StepEntry, index: int) -> Place:
    """The setting that names a model, else that of the operation's name."""
    for name, value in entry.with_.items():
        if value == model:
            return ("steps", index, "with", name)
    return ("steps", index, "use")


def _check_kept(read: Read, file: JobFile, steps: Sequence[Step]) -> None:
    """What is kept until it is used has to be used, and to be cheaper to make again than the whole job is."""
    names = [entry.id for entry in file.steps]
    taken = {name.partition(".")[0] for entry in file.steps for name in entry.named}  # by steps with problems too
    for step in steps:
        place: Place = ("steps", names.index(step.id), "keep")
        if step.until_used and is_whole(step.level):
            read.problems.append(Problem(place, "what is made of the whole job stays; leave the line out"))
        elif step.until_used and step.id not in taken:
            why = "no step takes what it makes, so it would never be used; leave the line out, or let a step take it"
            read.problems.append(Problem(place, why))


def _check_unique(read: Read, table: str, ids: Sequence[str], taken: Iterable[str] = ()) -> None:
    seen = set(taken)
    for index, each in enumerate(ids):
        if each in seen:
            read.problems.append(Problem((table, index, "id"), "another entry has this id already"))
        seen.add(each)


def _connect(
    read: Read, file: JobFile, declarations: Mapping[int, Declaration], resolved: Mapping[int, Resolved]
) -> list[Step]:
    known = _Known(
        {entry.id: Source(entry=entry.id) for entry in file.recordings},
        frozenset(entry.id for entry in file.steps),
        {file.steps[index].id: answer.outputs for index, answer in resolved.items()},
    )
    steps: dict[str, Step] = {}
    for index, entry in enumerate(file.steps):
        wiring = _Wiring(read, index, entry, known)
        if index not in declarations:
            wiring.check_names()
            continue
        inputs = wiring.inputs(declarations[index])
        if index in resolved:
            wiring.check_needs(resolved[index].needs, inputs)
            steps[entry.id] = _step(entry, declarations[index], resolved[index], inputs, entry.audio or file.audio)
    leveled_steps, problems = leveled(file, _in_order(read, file, steps))
    read.problems.extend(problems)
    return kept_clean(leveled_steps)


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
        given=tuple(sorted((entry.with_.keys() | declaration.told.keys()) - set(resolved.chosen))),
        models=resolved.models,
        inputs=inputs,
        outputs=resolved.outputs,
        audio=audio if writes_audio else None,
        leave_out=entry.missing == "leave out",
        scratch=resolved.scratch,
        until_used=entry.keep == "until-used",
        hosts=resolved.hosts,
        effects=resolved.effects,
        only_clean=entry.only == "clean",
    )


@dataclass(frozen=True)
class _Known:
    """What a `from` may name: recordings entries, steps, and the outputs of those that are resolved."""

    entries: Mapping[str, Source]
    steps: frozenset[str]
    outputs: Mapping[str, Mapping[str, Port]]


class _Wiring:
    """The inputs of one step, from what its `from` says."""

    def __init__(self, read: Read, index: int, entry: StepEntry, known: _Known) -> None:
        self.read, self.index, self.entry, self.known = read, index, entry, known

    def problem(self, message: str, *place: str | int) -> None:
        self.read.problems.append(Problem(("steps", self.index, *place), message))

    def check_names(self) -> None:
        for names in self._stated("").values():
            for place, name in names:
                self._is_known(place, name)

    def inputs(self, declaration: Declaration) -> dict[str, tuple[Source, ...]]:
        if not declaration.inputs:
            if self.entry.from_ is not None:
                self.problem(f"{self.entry.use} takes no input", "from")
            return {}
        given = self._stated(next(iter(declaration.inputs)))
        for port in given.keys() - declaration.inputs.keys():
            self.problem(f"{self.entry.use} has no input of this name: {', '.join(declaration.inputs)}", "from", port)
        needed = {name for name, port in declaration.inputs.items() if not port.optional}
        for port in sorted(needed - given.keys()):
            self.problem(f"the input {port} of {self.entry.use} is missing; write it as a mapping port: step", "from")
        return {
            port: tuple(self._sources(port, names, declaration.inputs[port]))
            for port, names in given.items()
            if port in declaration.inputs
        }

    def check_needs(self, needs: Sequence[str], inputs: Mapping[str, tuple[Source, ...]]) -> None:
        """Say which inputs are missing that the settings of the step ask for."""
        for port in needs:
            if port not in inputs:
                takes = f"with these settings {self.entry.use} takes the input {port} too"
                self.problem(f"{takes}; write it as a mapping port: step", "from")

    def _stated(self, first: str) -> dict[str, list[tuple[Place, str]]]:
        """Port → what it takes and where that stands; without a port, the first is meant."""
        stated = self.entry.from_
        if isinstance(stated, dict):
            return {port: list(_placed(names, ("from", port))) for port, names in stated.items()}
        return {first: list(_placed(list(self.known.entries) if stated is None else stated, ("from",)))}

    def _sources(self, port: str, names: Sequence[tuple[Place, str]], wanted: Port) -> Iterator[Source]:
        known = [(place, name) for place, name in names if self._is_known(place, name)]
        if len(names) > 1 and not wanted.many and any(name not in self.known.entries for _, name in known):
            self.problem(f"the input {port} takes recordings, or one step", *names[0][0][:-1])
            return
        for place, name in known:
            if source := self._source(port, place, name, wanted):
                yield source

    def _source(self, port: str, place: Place, name: str, wanted: Port) -> Source | None:
        if name not in self.known.entries:
            return self._step_source(port, place, name, wanted)
        if wanted.kind not in (*MEDIA, FILE):
            self.problem(f"the input {port} takes {wanted.kind}, not recordings", *place)
        return self.known.entries[name]

    def _is_known(self, place: Place, name: str) -> bool:
        step = name.partition(".")[0]
        known = name in self.known.entries or step in self.known.steps
        if not known:
            hint = did_you_mean(step, self.known.entries.keys() | self.known.steps)
            self.problem(f"{name} is no recordings entry and no step{hint}", *place)
        return known

    def _step_source(self, port: str, place: Place, name: str, wanted: Port) -> Source | None:
        step, _, output = name.partition(".")
        offered = self.known.outputs.get(step)
        if offered is None:
            return None  # that step has a problem of its own
        fitting = [each for each, kind in offered.items() if wanted.accepts(kind)]
        if not output and len(fitting) == 1:
            output = fitting[0]
        if output in fitting:
            return Source(step=step, output=output)
        choices = ", ".join(f"{step}.{each}" for each in fitting) or "nothing that fits"
        self.problem(f"the input {port} takes {wanted.kind}; {step} offers {choices}", *place)
        return None


def _placed(names: str | Sequence[str], place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(names, str):
        yield place, names
    else:
        yield from (((*place, index), name) for index, name in enumerate(names))


def _in_order(read: Read, file: JobFile, steps: Mapping[str, Step]) -> list[Step]:
    order: list[Step] = []
    needs = {step.id: _needs(step) for step in steps.values()}
    waiting = dict(steps)
    while waiting:
        ready = [step for step in waiting.values() if not needs[step.id] & waiting.keys()]
        if not ready:
            _report_circle(read, file, {each: needs[each] for each in waiting})
            break
        for step in ready:
            del waiting[step.id]
        order.extend(ready)
    return order


def _needs(step: Step) -> set[str]:
    return {source.step for sources in step.inputs.values() for source in sources if source.step}


def _report_circle(read: Read, file: JobFile, needs: Mapping[str, set[str]]) -> None:
    """Name one circle: whoever walks from need to need among steps that all wait comes round in the end."""
    walked = [next(iter(needs))]
    while (following := min(needs[walked[-1]] & needs.keys())) not in walked:
        walked.append(following)
    circle = walked[walked.index(following) :]
    names = [entry.id for entry in file.steps]
    first = min(circle, key=names.index)
    at = circle.index(first)
    words = " → ".join([*circle[at:], *circle[:at], first])
    read.problems.append(Problem(("steps", names.index(first), "from"), f"goes round in a circle: {words}"))

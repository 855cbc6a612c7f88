"""What each step works on: recordings, groups, the whole job, or the items of a list.

An operation says what it works on (`each`); where its inputs come from decides the rest. A file that goes into a port
of one file makes the step run once for each such file, so a step behind a list runs once an item. What comes from
further up (a group's, the job's) is given to everything below it; what comes from further down is gathered into a
port of many files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from librarian.job.file import JobFile
from librarian.job.model import GROUP, JOB, RECORDING, Level, Source, Step, is_under
from librarian.job.read import Problem
from librarian.job.yamltext import Place

_BASES: Mapping[str, Level] = {"job": JOB, "group": GROUP, "recording": RECORDING}


class LevelError(Exception):
    """What a step is given does not fit what it works on; `port` is empty where all of its inputs are meant."""

    def __init__(self, message: str, port: str = "") -> None:
        super().__init__(message)
        self.port = port


def leveled(file: JobFile, steps: Iterable[Step]) -> tuple[list[Step], list[Problem]]:
    """Give each step its level and its stage.

    Args:
        file: says which recordings have groups, and where steps stand.
        steps: in an order in which each comes after what it needs.

    Returns:
        The steps, without those that have a problem or hang on one that has, and the problems.
    """
    found: dict[str, Step] = {}
    problems: list[Problem] = []
    names = [entry.id for entry in file.steps]
    lone = {entry.id for entry in file.recordings if entry.group is None}
    ungrouped: dict[str, frozenset[str]] = {}
    for step in steps:
        if not _is_connected(step) or not all(source.step in found for source in _sources(step) if source.step):
            continue
        try:
            level = _level(step, found)
            ungrouped[step.id] = frozenset().union(*(_lone(source, ungrouped, lone) for source in _sources(step)))
            _check_groups(step, level, ungrouped, lone)
        except LevelError as error:
            problems.append(Problem(_place(file, names.index(step.id), error.port), str(error)))
            continue
        if is_whole(level):
            ungrouped[step.id] = frozenset()
        found[step.id] = replace(step, level=level, stage=_stage(step, level, found))
    return list(found.values()), problems


def _is_connected(step: Step) -> bool:
    needed = {name for name, port in step.declaration.inputs.items() if not port.optional}
    return needed <= step.inputs.keys() and all(step.inputs.values())


def _place(file: JobFile, index: int, port: str) -> Place:
    place: Place = ("steps", index)
    stated = file.steps[index].from_
    if stated is None:
        return (*place, "use")
    return (*place, "from", port) if port and isinstance(stated, dict) else (*place, "from")


def _sources(step: Step) -> Iterator[Source]:
    for sources in step.inputs.values():
        yield from sources


def level_of(source: Source, steps: Mapping[str, Step]) -> Level:
    """What the files that come from a source are of, one by one."""
    if not source.step:
        return RECORDING
    step = steps[source.step]
    return (*step.level, f"{source.step}.{source.output}") if step.outputs[source.output].many else step.level


def _level(step: Step, steps: Mapping[str, Step]) -> Level:
    single = {
        port: level_of(source, steps)
        for port, sources in step.inputs.items()
        for source in sources
        if not step.gathers(port)
    }
    gathered = [
        level_of(source, steps) for port, sources in step.inputs.items() for source in sources if step.gathers(port)
    ]
    each = step.declaration.each
    if not step.inputs and each != "job":
        raise LevelError("takes no input, so it has to work on the whole job; its operation says otherwise")
    level = _BASES[each] if each in ("job", "group") else _deepest(single, gathered, each)
    for port, each_level in single.items():
        if not is_under(level, each_level):
            raise LevelError(_too_many(step, port, each_level, level), port)
    for each_level in gathered:
        if not is_under(level, each_level) and not is_under(each_level, level):
            raise LevelError(f"its inputs come from lists that do not belong together: {_words(each_level)}")
    return level


def _deepest(single: Mapping[str, Level], gathered: Sequence[Level], each: str) -> Level:
    """The level of a step that works on one thing at a time: that of the finest it is given."""
    if single:
        level = max(single.values(), key=len)
    elif each == "item":
        level = max((level[:-1] for level in gathered), key=len)
    else:
        level = max((_base(level) for level in gathered), key=len)
    if each == "item" and level in (JOB, GROUP, RECORDING):
        raise LevelError("works on the items of a list, and is given single files")
    return level


def _base(level: Level) -> Level:
    """The recording, group or job that a level lies under."""
    return max((base for base in (JOB, GROUP, RECORDING) if is_under(level, base)), key=len)


def _too_many(step: Step, port: str, given: Level, level: Level) -> str:
    if is_under(given, level):
        return f"the input {port} of {step.declaration.name} takes one file, and is given one for {_words(given)}"
    return f"its inputs come from lists that do not belong together: {_words(given)} and {_words(level)}"


def _words(level: Level) -> str:
    names = {JOB: "the whole job", GROUP: "each group", RECORDING: "each recording"}
    return names.get(level) or f"each item of {level[-1]}"


def _lone(source: Source, ungrouped: Mapping[str, frozenset[str]], lone: Collection[str]) -> frozenset[str]:
    """The recordings entries without groups that a source comes from."""
    if source.step:
        return ungrouped[source.step]
    return frozenset({source.entry} & set(lone))


def _check_groups(step: Step, level: Level, ungrouped: Mapping[str, frozenset[str]], lone: Collection[str]) -> None:
    """A step of groups needs recordings that have some."""
    if is_whole(level) or is_under(level, RECORDING):
        return
    for port, sources in step.inputs.items():
        for source in sources:
            if without := sorted(_lone(source, ungrouped, lone)):
                raise LevelError(f"works on groups, and {without[0]} has none; give it `group: …` there", port)


def _stage(step: Step, level: Level, steps: Mapping[str, Step]) -> int:
    needed = [steps[source.step] for source in _sources(step) if source.step]
    gathered = {each.stage + 1 for each in needed if is_whole(each.level) and not is_whole(level)}
    return max({each.stage for each in needed} | gathered, default=0)


def is_whole(level: Level) -> bool:
    """Whether a level belongs to the whole job, and not to a group or recording of it."""
    return level[:1] != GROUP

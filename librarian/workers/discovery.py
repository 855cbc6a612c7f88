"""Child side: entry points → operations → declarations; settings → what they resolve to."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, get_args

import pluggy
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from librarian import hookspecs
from librarian.apis import FIRST, refusal
from librarian.kinds import PLAIN, Data, Kind, KindLike, Many
from librarian.models.known import NAME_PATTERN as MODEL_PATTERN
from librarian.models.known import KnownModel, Model
from librarian.operation import (
    NAME_PATTERN,
    TEXT,
    WORD_PATTERN,
    Declaration,
    Operation,
    Outputs,
    Port,
    Resolved,
    Settings,
    message_of,
)


class BrokenExtensionError(Exception):
    """An extension that cannot be used, and why."""


def load(entry_point: EntryPoint) -> list[Operation]:
    """Import one extension and ask it for its operations.

    Raises:
        BrokenExtensionError: it keeps to the contract in some way not.
        Exception: whatever its import raises.
    """
    module = entry_point.load()
    if problem := refusal(_api(module)):
        raise BrokenExtensionError(problem)
    operations = list(_ask(module))
    for operation in operations:
        _check(operation)
    names = [operation.name for operation in operations]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BrokenExtensionError(f"it offers {twice[0]} twice")
    return operations


def api_of(entry_point: EntryPoint) -> int:
    """The version of the contract that an extension was written for."""
    return int(_api(entry_point.load()))


def _api(module: ModuleType) -> Any:
    return getattr(module, "LIBRARIAN_API", FIRST)


def recognizers(entry_point: EntryPoint) -> list[dict[str, Any]]:
    """What an extension looks for in texts, as data.

    Raises:
        BrokenExtensionError: something is no recognizer.
        Exception: whatever its import raises.
    """
    declared = [each for answer in _manager(entry_point.load()).hook.librarian_recognizers() for each in answer]
    if declared:
        from librarian.privacy.declared import BadRecognizerError, recognizers_of

        try:
            recognizers_of(declared)
        except BadRecognizerError as error:
            raise BrokenExtensionError(str(error)) from None
    return declared


def checks(entry_point: EntryPoint) -> list[Any]:
    """What an extension finds of itself on this machine, as it gives it.

    Raises:
        BrokenExtensionError: it implements a hook that there is not.
        Exception: whatever its import or its checks raise.
    """
    return [each for answer in _manager(entry_point.load()).hook.librarian_checks() for each in answer]


def _ask(module: ModuleType) -> Iterator[Operation]:
    for answer in _manager(module).hook.librarian_operations():
        yield from answer


def _manager(module: ModuleType) -> pluggy.PluginManager:
    """What calls the hooks of an extension."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError:
        known = ", ".join(name for name in dir(hookspecs) if name.startswith("librarian_"))
        raise BrokenExtensionError(f"it implements a hook that there is not; there are {known}") from None
    return manager


def _check(operation: Any) -> None:
    if not isinstance(operation, Operation):
        raise BrokenExtensionError("librarian_operations gave something that is no Operation")
    ports = [*operation.inputs, *operation.optional, *operation.facts]
    for word in (operation.name, *ports):
        _check_name(word)
    for word in (word for fact in operation.facts.values() for word in fact.words):
        if not re.fullmatch(WORD_PATTERN, word):
            raise BrokenExtensionError(f"a word of a fact is not of the form {WORD_PATTERN}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,31}", operation.version):
        raise BrokenExtensionError(f"the version of {operation.name} is no version")
    if not all(isinstance(each, KnownModel) for each in operation.models):
        raise BrokenExtensionError(f"a model of {operation.name} is no librarian.KnownModel")
    if not issubclass(operation.settings, Settings):
        raise BrokenExtensionError(f"the settings of {operation.name} are no librarian.Settings")


def _check_name(word: str) -> None:
    if not re.fullmatch(NAME_PATTERN, word):
        raise BrokenExtensionError(f"a name is not of the form {NAME_PATTERN}")


def declare(operation: Operation, extension: str, extension_version: str) -> Declaration:
    """An operation as plain data."""
    outputs = None if callable(operation.outputs) else ports(operation.outputs, operation.clears)
    return Declaration(
        extension=extension,
        extension_version=extension_version,
        name=operation.name,
        version=operation.version,
        description=operation.description,
        settings_schema=operation.settings.model_json_schema(),
        inputs=ports(operation.inputs, False, optional=operation.optional),
        outputs=outputs,
        facts={
            name: {"description": fact.description, "unit": fact.unit, "words": list(fact.words)}
            | ({"form": fact.form} if fact.form else {})
            for name, fact in operation.facts.items()
        },
        each=operation.each,
        resources=operation.resources,
        reproducible=operation.reproducible,
        models=operation.models,
        hosts=None if callable(operation.hosts) else tuple(map(checked_host, operation.hosts)),
        effects=None if callable(operation.effects) else operation.effects,
        example=dict(operation.example),
        clears=operation.clears,
        keeps_clean=operation.keeps_clean,
    )


def ports(kinds: Mapping[str, KindLike], clears: bool, optional: tuple[str, ...] = ()) -> dict[str, Port]:
    """Ports as plain data."""
    found = {}
    for name, each in kinds.items():
        _check_name(name)
        kind: Any = each.kind if isinstance(each, Many) else each
        if not inspect.isclass(kind) or not issubclass(kind, Kind):
            raise BrokenExtensionError(f"the port {name} has no kind of librarian.kinds")
        if not issubclass(kind, (*PLAIN, Data)):
            _check_own(name, kind)
        if issubclass(kind, Data):
            kind.model_rebuild()  # a schema that cannot be built is heard of now, not after the first task
        if issubclass(kind, Data) and kind.clean and _can_name(kind.model_json_schema()):
            raise BrokenExtensionError(f"the port {name} says that it is clean, and its kind has room for any text")
        found[name] = Port(
            kind=kind.word,
            many=isinstance(each, Many),
            optional=name in optional,
            clean=kind.clean or clears,
            secret=issubclass(kind, Data) and kind.secret,
        )
        if found[name].secret and found[name].many:
            raise BrokenExtensionError(f"the port {name} is secret, and of that there cannot be many")
    return found


def _check_own(port: str, kind: type[Kind]) -> None:
    """A kind of file that an extension brings along."""
    word = getattr(kind, "word", "")
    if not re.fullmatch(NAME_PATTERN, word) or word in {Data.word, *(each.word for each in PLAIN)}:
        raise BrokenExtensionError(f"the kind of the port {port} needs a word of its own, such as parquet")
    if kind.clean:
        raise BrokenExtensionError(f"the port {port} says that it is clean, and nobody looks into files of its kind")


_BOUNDED = frozenset({"enum", "const", "pattern"})
_SAYS_WHAT = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})


def _can_name(schema: Any) -> bool:
    """Whether a schema has room for a text of any words: a string or a key that is no enum member and fits no pattern.

    What says nothing of its type has room for anything.
    """
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if each is False:
            continue
        if each is True or not _SAYS_WHAT & each.keys():
            return True
        if each.get("type") == "string" and not _BOUNDED & each.keys():
            return True
        if each.get("additionalProperties", False) is not False and not _BOUNDED & each.get("propertyNames", {}).keys():
            return True
        waiting += _parts(each)
    return False


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that a schema is made of."""
    for name in ("$defs", "properties", "patternProperties"):
        yield from schema.get(name, {}).values()
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from schema.get(name, ())
    yield from (schema[name] for name in ("items", "additionalProperties") if name in schema)


def checked_host(host: str) -> str:
    """A host as it was declared.

    Raises:
        BrokenExtensionError: it is neither `name` nor `name:port`.
    """
    if not re.fullmatch(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\])(:\d{1,5})?", host, re.IGNORECASE):
        raise BrokenExtensionError("a host is neither name nor name:port")
    return host


def outputs_of(operation: Operation, settings: Settings) -> Outputs:
    """The outputs with these settings."""
    return operation.outputs(settings) if callable(operation.outputs) else operation.outputs


Problems = list[tuple[list[str | int], str]]


def resolve(operation: Operation, given: Mapping[str, Any], installed: Mapping[str, Model]) -> Resolved | Problems:
    """Validate the settings of one step. What is wrong comes as (place, message), without the value."""
    try:
        settings = operation.settings.model_validate(given)
        chosen, used = _chosen(operation, settings, installed)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [(list(detail["loc"]), message_of(detail)) for detail in details]
    except ValueError as error:
        return [([], str(error))]
    hosts = operation.hosts(chosen) if callable(operation.hosts) else operation.hosts
    names = type(settings).model_fields
    changed = tuple(name for name in names if getattr(settings, name) != getattr(chosen, name))
    settings = chosen
    try:
        outputs = ports(outputs_of(operation, settings), operation.clears)
    except BrokenExtensionError as error:  # outputs that are named by settings, such as stems
        return [([], f"the outputs that this makes cannot be: {error}")]
    return Resolved(
        settings=settings.model_dump(mode="json"),
        public=public(settings, words=frozenset(used)),
        outputs=outputs,
        models={name: installed[name].digest for name in used if name in installed},
        missing={name: "" for name in used if name not in installed},
        chosen=changed,
        scratch=operation.scratch(settings) if operation.scratch else 0.0,
        hosts=tuple(map(checked_host, hosts)),
        effects=tuple(operation.effects(settings) if callable(operation.effects) else operation.effects),
        needs=_needed(operation, settings),
    )


def _needed(operation: Operation, settings: Settings) -> tuple[str, ...]:
    needs = tuple(operation.needs(settings)) if operation.needs else ()
    if not set(needs) <= operation.inputs.keys():
        raise BrokenExtensionError(f"{operation.name} needs an input that it has not")
    return needs


def _chosen(
    operation: Operation, settings: Settings, installed: Mapping[str, Model]
) -> tuple[Settings, tuple[str, ...]]:
    """The settings that a task runs with, and the names of the models that it uses."""
    if operation.resolve is None:
        return settings, tuple(model.name for model in operation.models)
    chosen, used = operation.resolve(settings, installed)
    if not isinstance(chosen, operation.settings) or isinstance(used, str):
        raise BrokenExtensionError(f"resolve of {operation.name} gave no settings and names of models")
    for name in used:
        if not re.fullmatch(MODEL_PATTERN, name):
            raise ValueError("what it names cannot be the name of a model")
    return chosen, tuple(dict.fromkeys(used))


def public(
    settings: BaseModel, names: Collection[str] | None = None, words: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Settings as they may be recorded: numbers, flags and declared words as they are, free text marked.

    Args:
        settings: all of them.
        names: which; None for those that can change the result.
        words: more that are no free text: the names of models.
    """
    found = {}
    for name, info in type(settings).model_fields.items():
        if changes_result(info) if names is None else name in names:
            declared = frozenset(_words(info.annotation))
            found[name] = _public(getattr(settings, name), declared | words)
    return found


def changes_result(info: FieldInfo) -> bool:
    """Whether a setting can change the result; speed and memory are no result."""
    extra = info.json_schema_extra
    return not (isinstance(extra, dict) and extra.get("changes_result") is False)


def _words(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        yield from (str(member.value) for member in annotation)
    for each in get_args(annotation):
        if isinstance(each, str):
            yield each
        else:
            yield from _words(each)


def _public(value: Any, words: frozenset[str]) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int, float)):
        return 0.0 if isinstance(value, float) and value == 0 else value  # minus zero makes the same key
    if isinstance(value, str):
        return value if value in words else {TEXT: value}
    if isinstance(value, BaseModel):
        return public(value)
    if isinstance(value, Mapping):
        # Keys may be free text too, so a mapping goes as a list of pairs.
        pairs = [[_public(key, words), _public(each, words)] for key, each in value.items()]
        return sorted(pairs, key=repr)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [
            _public(each, words) for each in (sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value)
        ]
    return {TEXT: str(value)}


def kind_of(outputs: Outputs, output: str) -> tuple[type[Kind], bool]:
    """The kind of an output, and whether it is `Many`."""
    each = outputs[output]
    return (each.kind, True) if isinstance(each, Many) else (each, False)

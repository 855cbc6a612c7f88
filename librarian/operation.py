"""The contract with extensions: what an operation declares. What a task is given stands in `librarian.task`.

Nothing here imports anything heavy. A worker turns an `Operation` into a `Declaration`, plain data, and that is all
the parent process ever sees of an extension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict

from librarian.models.known import KnownModel, Model
from librarian.quantity import Duration, Size

if TYPE_CHECKING:
    from librarian.kinds import KindLike

Each = Literal["recording", "group", "job", "item"]
Reproducible = Literal["bytes", "tolerance", "no"]
Effect = Literal["model-code", "deletes"]
"""What an operation may do beside reading its inputs, writing its outputs and talking to hosts: run code that comes
with a model, delete something elsewhere."""

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
"""Names of operations, ports, facts and stems."""
WORD_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.+!/:-]{0,95}$"
"""Words that stand in a record as they are: enum members of facts, versions."""


FILE = "file"
MEDIA = ("audio", "image", "video")
"""Words of kinds: any media file, and which there are."""
_DATA = ConfigDict(frozen=True, extra="forbid", defer_build=True)
"""Built when first used: most commands need few of them."""
TEXT = "$text"
"""Key of what stands for free text in public settings, `{"$text": …}`, until the parent digests it."""


def Field(  # noqa: PLR0913 (a keyword each for what may be declared)
    default: Any = ...,
    *,
    description: str,
    changes_result: bool = True,
    told: Literal["", "names", "allow"] = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Any:
    """A setting of an operation.

    Args:
        default: the value where the owner says nothing, validated like any other; left out: it must be given.
        description: what it does, with unit and range; shown by `librarian extensions` and in the schema.
        changes_result: False for what can only change speed or memory: it stays out of the task key.
        told: the list of the job file's `privacy` whose lines are put into this setting, a text, behind what a step
            says itself: for operations that look for what names someone.
        ge: least value, in the field's unit.
        gt: bound it must lie above.
        le: greatest value.
        lt: bound it must lie below.
        min_length: of text and lists.
        max_length: of text and lists.
        pattern: regular expression that text must match.
    """
    return pydantic.Field(
        default,
        description=description,
        json_schema_extra={"changes_result": changes_result, **({"told": told} if told else {})},
        ge=ge,
        gt=gt,
        le=le,
        lt=lt,
        min_length=min_length,
        max_length=max_length,
        pattern=pattern,
    )


def message_of(detail: Mapping[str, Any]) -> str:
    """Pydantic's message in our words; the rejected value is never part of it."""
    match detail["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":
            return f"must match {detail['ctx']['pattern']}"
        case "model_type" | "dict_type":
            return "input should be a valid mapping"
        case "list_type" | "tuple_type" | "set_type" | "frozen_set_type":
            return "input should be a valid list, such as [one, two]"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


ADDRESS_PATTERN = r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:\d{1,5})?$"
Address = Annotated[str, pydantic.Field(pattern=ADDRESS_PATTERN)]
"""A setting that says where a server is: `name:port`."""


class Settings(BaseModel):
    """The base of an operation's settings: frozen, no extra fields, defaults validated, every field described."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        missing = [name for name, info in cls.model_fields.items() if not info.description]
        if missing:
            raise TypeError(f"{cls.__name__}: describe the setting {missing[0]} (Field(…, description=…))")


class Resources(BaseModel):
    """What one task needs at the most.

    Attributes:
        gpu: `no`, `optional` (runs on the CPU too) or `required`.
        memory: main memory, beside the imports. On the CPU a task is held to twice as much, and never to less than
            4 GiB: what imports, threads and allocators set aside without using it counts too.
        gpu_memory: memory of the GPU.
        threads: threads that do work at once.
        output: the most that it writes; more of it fails the task.
        timeout: time after which the task is ended; None for as long as it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, defer_build=True)

    gpu: Literal["no", "optional", "required"] = "no"
    memory: Size = pydantic.Field(default="1 GiB")  # type: ignore[assignment]
    gpu_memory: Size = 0.0
    threads: int = pydantic.Field(default=1, ge=1)
    output: Size = pydantic.Field(default="64 GiB")  # type: ignore[assignment]
    timeout: Duration | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            gpu: Literal["no", "optional", "required"] = "no",
            memory: float | str = "1 GiB",
            gpu_memory: float | str = 0.0,
            threads: int = 1,
            output: float | str = "64 GiB",
            timeout: float | str | None = None,
        ) -> None: ...


@dataclass(frozen=True)
class Fact:
    """A measured value that an output carries in the record: a number or a flag, or one of `words`.

    Args:
        description: what it says.
        unit: its unit, such as LUFS; empty for a ratio, a count or a flag.
        words: the enum members it may take; empty for numbers and flags.
        form: `version` (`1.26.0`) or `digest` (`sha256:` and 64 hex digits) for a text of that form.
    """

    description: str
    unit: str = ""
    words: tuple[str, ...] = ()
    form: Literal["", "version", "digest"] = ""


Outputs = Mapping[str, "KindLike"]
Resolve = Callable[[Any, Mapping[str, Model]], tuple[Settings, Sequence[str]]]
Ladder = Callable[[Any], Sequence[Mapping[str, Any]]]
Scratch = Callable[[Any], float]
Hosts = tuple[str, ...]
Effects = tuple[Effect, ...]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing an extension can do.

    Args:
        name: `[a-z][a-z0-9_]*`, unique in the extension.
        version: changes when the result of the same settings and inputs changes.
        run: `package.module:name` of a function of one task, or of a class that is built once per worker with
            `(settings, device)` and called with tasks, or split into `read(task)`, `compute(list)` and
            `write(task, result)`. Tasks are then read in one thread and written in another while `compute`, in the
            main thread, is given what was read for up to `batch` of them (an int of the instance; 1 without it) and
            gives back a list of as many results. It seeds its own generators, from `task.seed`, for a batch has the
            global seeds of its first task. Where a batch fails each of its tasks is computed by itself.
        settings: subclass of `Settings`.
        inputs: port → kind.
        outputs: port → kind, or a function of the settings that gives it.
        optional: names of inputs that a step may leave out.
        facts: every fact an output may carry.
        description: one sentence, for lists and help.
        each: what a task works on.
        resources: what a task needs.
        reproducible: `bytes` (the same key gives the same bytes), `tolerance`, or `no`.
        models: the models that it knows. Others may be used too, where a setting names one of models.lock.
        resolve: light function `(settings, installed) → (settings, names of models used)`, where `installed` is what
            models.lock holds, by name: so `auto` never reaches a key. A name that is not installed is reported before
            anything runs; a ValueError says what is wrong with the settings. The task gets a model's files by
            `librarian.model_folder(name)`. Without it all of `models` are used.
        ladder: light function `settings → settings that need less memory`, from mild to strong, each a mapping of what
            changes: `lambda settings: [{"segment": settings.segment / 2}, {"segment": settings.segment / 4}]`. Where
            memory does not suffice the task is done again with the next of them, and last on the CPU where `gpu` is
            `optional`. The record says so; where a setting changes that can change the result it is `degraded`.
        scratch: light function `settings → bytes` for a second of stereo at 48 kHz: what a task holds on the disk while
            it works, beside its outputs. So a disk that is too small for it is heard of before the run.
        hosts: hosts that it talks to, `name` or `name:port`, or a function of the settings that gives them. The owner
            lets it by a rule in the job file. Where one does not answer it raises `UnreachableError`. Its inputs are
            given to it without embedded metadata and without their names.
        effects: what else it does beside reading its inputs and writing its outputs, or a function of the settings
            that gives it: `model-code` (it runs code that comes with a model), `deletes` (it deletes something
            elsewhere). The owner lets it by a rule in the job file.
        needs: of the inputs in `optional`, those that have to be there with given settings: a function of the settings.
        example: settings with which it can be run and shown, as a job file gives them, where some have no default or
            others tell more: `librarian extensions check` takes them.
        clears: whether its outputs are free of names whatever went in, and it verified that.
        keeps_clean: whether its outputs hold nothing but what its inputs and numbers say, so that they are clean where
            all of its inputs are.
    """

    name: str
    version: str
    run: str
    settings: type[Settings]
    inputs: Mapping[str, KindLike]
    outputs: Outputs | Callable[[Any], Outputs]
    optional: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    description: str = ""
    each: Each = "recording"
    resources: Resources = field(default_factory=Resources)
    reproducible: Reproducible = "no"
    models: tuple[KnownModel, ...] = ()
    resolve: Resolve | None = None
    ladder: Ladder | None = None
    scratch: Scratch | None = None
    hosts: Hosts | Callable[[Any], Sequence[str]] = ()
    effects: Effects | Callable[[Any], Sequence[Effect]] = ()
    needs: Callable[[Any], Sequence[str]] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    clears: bool = False
    keeps_clean: bool = False


class Port(BaseModel):
    """An input or output as data: the word of its kind, whether it is `Many`, may be left out, stays in the vault."""

    model_config = _DATA

    kind: str
    many: bool = False
    optional: bool = False
    clean: bool = False
    secret: bool = False

    def accepts(self, other: Port) -> bool:
        """Whether what comes out of `other` fits in here."""
        if other.secret:
            return False
        any_data, any_file = self.kind == "data" and "/" in other.kind, self.kind == FILE and other.kind in MEDIA
        return self.kind == other.kind or any_data or any_file


class Declaration(BaseModel):
    """What a worker says of an operation, as plain data. Null is what depends on the settings."""

    model_config = _DATA

    extension: str
    extension_version: str
    name: str
    version: str
    description: str
    settings_schema: dict[str, Any]
    inputs: dict[str, Port]
    outputs: dict[str, Port] | None
    facts: dict[str, dict[str, Any]]
    each: Each
    resources: Resources
    reproducible: Reproducible
    models: tuple[KnownModel, ...]
    hosts: Hosts | None
    effects: Effects | None = ()
    example: dict[str, Any] = {}
    clears: bool
    keeps_clean: bool = False
    code: str = ""
    """What the code of its extension comes down to (`installed.code_of`); empty where that is not known."""

    @property
    def full_name(self) -> str:
        """`package/operation`, unique among all that is installed."""
        return f"{self.extension}/{self.name}"

    @property
    def told(self) -> dict[str, str]:
        """Settings that are told what a list of the owner's says, and which list."""
        settings = self.settings_schema.get("properties", {})
        return {name: each["told"] for name, each in settings.items() if "told" in each}


class Resolved(BaseModel):
    """What a worker says of an operation with one step's settings: the answer to *validate*.

    Attributes:
        settings: every setting, defaults included, ready to be validated again in the worker that runs the task.
        public: the settings that go into the key; free text stands as `{"$text": …}` for the parent to digest.
        outputs: port → kind with these settings.
        models: name → digest of the models it will use.
        missing: models that it would use and cannot: name → what to do about it, once the parent has said that.
        chosen: settings whose value the operation chose itself, whatever the owner wrote.
        scratch: bytes that a task holds on the disk for a second of sound while it works, beside its outputs.
        hosts: hosts that it talks to with these settings.
        effects: what else it does with them that a rule has to allow.
        needs: inputs that have to be there with them, beside those that are always needed.
    """

    model_config = _DATA

    settings: dict[str, Any]
    public: dict[str, Any]
    outputs: dict[str, Port]
    models: dict[str, str] = {}
    missing: dict[str, str] = {}
    chosen: tuple[str, ...] = ()
    scratch: float = pydantic.Field(default=0.0, ge=0, allow_inf_nan=False)
    hosts: Hosts = ()
    effects: Effects = ()
    needs: tuple[str, ...] = ()

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """From a worker's answer."""
        return cls.model_validate(message)

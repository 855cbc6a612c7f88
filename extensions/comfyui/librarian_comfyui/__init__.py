"""Workflows on the owner's own ComfyUI servers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_serializer, model_validator
from pydantic import Field as PydanticField

from librarian import (
    Address,
    Audio,
    Data,
    Duration,
    Fact,
    Field,
    File,
    Image,
    Many,
    Operation,
    Resources,
    Settings,
    Size,
    Text,
    Video,
    hookimpl,
)
from librarian_comfyui.workflow import graph_of, node_named, place_named, read_workflow

REPORT = "report"
SEED = "seed"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_KINDS: Mapping[str, Any] = {"image": Image, "audio": Audio, "video": Video, "text": Text}

Workflow = Annotated[str, BeforeValidator(read_workflow), WithJsonSchema({"type": "string", "format": "path"})]


class Given(BaseModel):
    """A value that a task brings: `{from: image}`, `{from: files, role: left}`, `{from: files, number: 2}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    from_: str = PydanticField(alias="from", description="An input of the step, or seed.")
    role: str = PydanticField("", description="Of several files that with this role.")
    number: int = PydanticField(0, ge=0, description="Of several files the first (1), the second (2) …")

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"from": self.from_, "role": self.role, "number": self.number}


class Take(BaseModel):
    """What an output takes of what a workflow makes: files of a kind, of one node or of all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["image", "audio", "video", "text"] = PydanticField(description="Kind of the files.")
    node: str = PydanticField("", description="Id, title or class of the node that makes them; any if left out.")
    many: bool = PydanticField(True, description="Any number of files (a list), or one.")


class ComfySettings(Settings):
    """Settings of a workflow that is run for each recording or item."""

    ports: ClassVar[tuple[str, ...]] = ("file", "image", "audio", "video", "text")

    servers: list[Address] = Field(
        ["127.0.0.1:8188"],
        description="Servers, name:port (plain HTTP); the least busy one is taken.",
        changes_result=False,
        min_length=1,
        max_length=16,
    )
    workflow: Workflow = Field(description="Workflow file in API format, relative to the job file.")
    set: dict[str, int | float | bool | str | Given] = Field(
        {}, description="node.input → value, {from: port} or {from: seed}; a node by its id, title or class."
    )
    outputs: dict[str, Take] = Field(
        description="Output → what it takes, as in {picture: {kind: image}}.", min_length=1, max_length=16
    )
    deadline: Duration = Field(
        "1 h", description="Time for one run, waiting included (s); then it is cancelled.", changes_result=False, gt=0
    )
    queue: int = Field(
        4, description="Jobs that a server may have before others wait here.", changes_result=False, ge=1, le=1000
    )
    largest: Size = Field(
        "2 GiB", description="Largest file that is fetched (bytes).", changes_result=False, gt=0, le=2**40
    )
    forget: bool = Field(
        False, description="Delete the run from the server's history afterwards.", changes_result=False
    )

    @model_validator(mode="after")
    def _fits(self) -> ComfySettings:
        graph = graph_of(self.workflow)
        places = [place_named(graph, place) for place in self.set]
        if len({*places}) < len(places):
            raise ValueError("set: two entries set the same input of a node")
        for place, value in self.set.items():
            if isinstance(value, Given) and value.from_ not in (*self.ports, SEED):
                raise ValueError(f"set: {place}: from is one of {', '.join((*self.ports, SEED))}")
        for name, take in self.outputs.items():
            if not _NAME.fullmatch(name) or name == REPORT:
                raise ValueError(f"outputs: a name is lower-case letters, digits and _, and not {REPORT}")
            if take.node:
                node_named(graph, take.node)
        return self


class GatheringSettings(ComfySettings):
    """Settings of a workflow that is run for each group, or once for the job."""

    ports = ("files", "texts")


class PromptSettings(ComfySettings):
    """Settings of a workflow that is given nothing."""

    ports = ()


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(_Model):
    """A node of the workflow that ran."""

    id: str
    class_type: str
    cached: bool


class Fetched(_Model):
    """A file that was fetched: which node made it, its digest and size before metadata was removed."""

    output: str
    item: int
    node: str
    kind: str
    sha256: str
    bytes: int


class ComfyRun(Data):
    """How a workflow ran."""

    word = "comfyui/1"

    server_version: str
    prompt_id: str
    graph_sha256: str
    nodes: tuple[Node, ...]
    files: tuple[Fetched, ...]
    seconds_queued: float
    seconds_run: float
    lost: int


FACTS = {
    "server_version": Fact("Version of the server.", form="version"),
    "graph": Fact("Digest of the workflow as it was sent.", form="digest"),
    "nodes": Fact("Nodes of the workflow."),
    "cached": Fact("Nodes whose result the server had already."),
    "files": Fact("Files that were fetched."),
    "lost": Fact("Times that the server lost the job, and it was given again."),
    "queued": Fact("Waiting in the server's queue.", unit="s"),
    "ran": Fact("Running on the server.", unit="s"),
}


def outputs_of(settings: ComfySettings) -> Mapping[str, Any]:
    """The outputs that the settings name, and the report."""
    takes = {
        name: Many(_KINDS[take.kind]) if take.many else _KINDS[take.kind] for name, take in settings.outputs.items()
    }
    return {**takes, REPORT: ComfyRun}


def _needed(settings: ComfySettings) -> Sequence[str]:
    """The inputs that `set` takes something from."""
    given = (value.from_ for value in settings.set.values() if isinstance(value, Given))
    return tuple(dict.fromkeys(name for name in given if name != SEED))


def _effects(settings: ComfySettings) -> Sequence[Literal["deletes"]]:
    return ("deletes",) if settings.forget else ()


def _operation(name: str, description: str, settings: type[ComfySettings], **more: Any) -> Operation:
    return Operation(
        name=name,
        version="1",
        run="librarian_comfyui.bridge:Bridge",
        description=description,
        settings=settings,
        outputs=outputs_of,
        optional=tuple(more["inputs"]),
        needs=_needed,
        facts=FACTS,
        resources=Resources(memory="512 MiB"),
        reproducible="no",
        hosts=lambda given: given.servers,
        effects=_effects,
        **more,
    )


@hookimpl
def librarian_operations() -> list[Operation]:
    """The operations of this extension."""
    single = {"file": File, "image": Image, "audio": Audio, "video": Video, "text": Text}
    gathered = {"files": Many(File), "texts": Many(Text)}
    return [
        _operation("comfyui", "Runs a ComfyUI workflow for each recording or item.", ComfySettings, inputs=single),
        _operation(
            "comfyui_group",
            "Runs a ComfyUI workflow for each group.",
            GatheringSettings,
            inputs=gathered,
            each="group",
        ),
        _operation(
            "comfyui_job",
            "Runs a ComfyUI workflow once, with files of the whole job.",
            GatheringSettings,
            inputs=gathered,
            each="job",
        ),
        _operation(
            "comfyui_prompt",
            "Runs a ComfyUI workflow once, given nothing but its settings: text to image.",
            PromptSettings,
            inputs={},
            each="job",
        ),
    ]

"""Language models on the owner's own machine: what they answer is checked before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field as PydanticField

from librarian import (
    Address,
    Data,
    Duration,
    Events,
    Fact,
    Field,
    Many,
    Operation,
    Resources,
    Settings,
    Text,
    Turns,
    Words,
    hookimpl,
)
from librarian_language.tasks import NAME, PromptTask, Tasks
from librarian_language.template import places_of

FORMS = ("text", "json_schema", "json_object", "prompt")
"""How an answer is asked for: as text; as JSON by a schema, as any JSON, or by the words of the prompt alone."""


class PromptSettings(Settings):
    """Settings of a task that a language model does."""

    server: Address = Field(
        "127.0.0.1:1234",
        description="Server, name:port (plain HTTP), that speaks the OpenAI API below /v1.",
        changes_result=False,
    )
    model: str = Field("", description="Model, as the server calls it; empty: its only one.", max_length=200)
    task: str = Field(
        "", description="Name of the task; empty where there is one.", pattern=rf"^({NAME})?$", max_length=32
    )
    tasks: Tasks = Field(description="Tasks by their names, or a file of them (YAML), relative to the job file.")
    longest: int = Field(
        12_000,
        description="Longest text that is sent (characters): three or four are a token of the model's context.",
        changes_result=False,
        ge=1,
        le=100_000_000,
    )
    tries: int = Field(
        3, description="Times that it is asked for an answer that fits.", changes_result=False, ge=1, le=10
    )
    silence: Duration = Field(
        "5 min",
        description="Longest that the server may be silent (s): loading, waiting, reading.",
        changes_result=False,
        gt=0,
        le=86_400,
    )
    deadline: Duration = Field(
        "1 h", description="Time for one recording, all tries together (s).", changes_result=False, gt=0, le=604_800
    )

    @property
    def asked(self) -> tuple[str, PromptTask]:
        """Name and content of the task."""
        ((name, task),) = self.tasks.items()
        return name, task


class Answer(Data):
    """What a model answered, in the form that the task says."""

    word = "answer/1"

    task: str = PydanticField(description="Name of the task.")
    model: str = PydanticField(description="Model, as the server calls it.")
    answer: Any = PydanticField(description="The answer: JSON that fits the schema of the task.")


FACTS = {
    "form": Fact("How the answer was asked for.", words=FORMS),
    "tries": Fact("Times that it was asked for."),
    "characters": Fact("Characters that were sent at the first time."),
    "tokens_in": Fact("Tokens that the server read, all tries together, as far as it says."),
    "tokens_out": Fact("Tokens that it wrote, all tries together, as far as it says."),
    "seconds": Fact("From the first request to the last answer.", unit="s"),
}


def outputs_of(settings: PromptSettings) -> Mapping[str, Any]:
    """The answer: text, or data where the task has a schema."""
    return {"answer": Answer if settings.asked[1].shape is not None else Text}


def _operation(name: str, description: str, **more: Any) -> Operation:
    return Operation(
        name=name,
        version="1",
        run="librarian_language.prompter:Prompter",
        description=description,
        settings=PromptSettings,
        outputs=outputs_of,
        optional=tuple(more["inputs"]),
        needs=lambda settings: sorted(places_of(settings.asked[1].template)),
        facts=FACTS,
        resources=Resources(memory="256 MiB", output="16 MiB"),
        reproducible="no",
        hosts=lambda given: (given.server,),
        example={"tasks": {"title": {"template": "A title of at most eight words: {text}"}}},
        **more,
    )


@hookimpl
def librarian_operations() -> list[Operation]:
    """The operations of this extension."""
    kinds = {"text": Text, "words": Words, "turns": Turns, "events": Events, "answer": Answer}
    gathered = {name: Many(kind) for name, kind in kinds.items()}
    return [
        _operation("prompt", "Asks a language model about each recording or item.", inputs=kinds),
        _operation("prompt_group", "Asks a language model about each group.", inputs=gathered, each="group"),
        _operation("prompt_job", "Asks a language model about the whole job, once.", inputs=gathered, each="job"),
    ]

"""What a model is asked: a task, by itself or out of a file of several. Needs no server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
)

from librarian.document import read_document
from librarian.operation import message_of
from librarian_language.fitting import compiled
from librarian_language.template import places_of

NAME = r"[a-z][a-z0-9_-]{0,31}"
LONGEST_TEXT = 50_000
"""Characters of a system text or a template."""
MOST_TASKS = 200

# fmt: off
SchemaWord = Literal[
    "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "array", "boolean", "const", "contains", "default",
    "dependentRequired", "dependentSchemas", "description", "else", "enum", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "format", "if", "integer", "items", "maxContains", "maxItems", "maxLength", "maxProperties",
    "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "null",
    "number", "object", "oneOf", "pattern", "patternProperties", "prefixItems", "properties", "propertyNames",
    "required", "string", "then", "title", "type", "unevaluatedItems", "unevaluatedProperties", "uniqueItems",
]
# fmt: on
"""Words of JSON Schema. They name no one, so they stand in records and errors as they are."""


class PromptTask(BaseModel):
    """What a model is asked, and in which form it has to answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    template: str = Field(min_length=1, max_length=LONGEST_TEXT, description="Text with places: {words}, {text} …")
    system: str = Field("", max_length=LONGEST_TEXT, description="What the model is told first.")
    shape: dict[SchemaWord | str, Any] | None = Field(
        None, alias="schema", description="JSON Schema (2020-12) of the answer; plain text without it."
    )
    temperature: float = Field(0.0, ge=0, le=2, description="0 (most likely words) to 2.")
    max_tokens: int = Field(2000, ge=1, le=1_000_000, description="Tokens that an answer may have, thinking included.")

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        names = {name: info.alias or name for name, info in type(self).model_fields.items()}
        return {alias: getattr(self, name) for name, alias in names.items()}

    @field_validator("template")
    @classmethod
    def _places_are_known(cls, value: str) -> str:
        places_of(value)
        return value

    @field_validator("shape")
    @classmethod
    def _is_a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            check_schema(value)
        return value


def check_schema(schema: Mapping[str, Any]) -> None:
    """See to it that a JSON Schema is one, and that nothing in it leads out of it.

    Raises:
        ValueError: it is none.
    """
    from jsonschema import Draft202012Validator, SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        Draft202012Validator.check_schema(schema)
        resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
        for reference in _texts(schema, "$ref", "$dynamicRef"):
            if not reference.startswith("#"):
                raise ValueError("a $ref leads out of it")
            resolver.lookup(reference)
        for pattern in _texts(schema, "pattern"):
            compiled(pattern)
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_schema_path))
        raise ValueError(f"is no JSON Schema (2020-12): it breaks {place} of theirs") from None
    except Unresolvable:
        raise ValueError("a $ref leads to nothing") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None


def _texts(schema: Any, *names: str) -> Iterator[str]:
    """The texts that stand in a schema under these names.

    Raises:
        ValueError: it has patterns for names, which jsonschema matches in a time that has no bound.
    """
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
            if "patternProperties" in each:
                raise ValueError("patternProperties is not taken: name the properties")
            yield from (each[name] for name in names if isinstance(each.get(name), str))
        elif isinstance(each, list):
            waiting += each


def read_tasks(value: Any, info: ValidationInfo) -> dict[str, PromptTask]:
    """Name and content of the one task that is meant, from a file of several or a mapping of them.

    The others are checked, and left out: what they say makes nothing anew.

    Raises:
        ValueError: the file cannot be read, a task of it is none, or none is meant.
    """
    found = read_document(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping) or not 1 <= len(found) <= MOST_TASKS:
        raise ValueError(f"holds no tasks: a mapping of 1 to {MOST_TASKS} names")
    tasks = {str(name): _checked(str(name), each) for name, each in found.items()}
    name = info.data.get("task") or next(iter(tasks))
    if name not in tasks or (len(tasks) > 1 and not info.data.get("task")):
        raise ValueError(f"say which with task: {', '.join(tasks)}")
    return {name: tasks[name]}


def _checked(name: str, given: Any) -> PromptTask:
    if not re.fullmatch(NAME, name):
        raise ValueError("the name of a task is lower-case letters, digits, - and _")
    try:
        return PromptTask.model_validate(given)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, detail["loc"][:1]))
        raise ValueError(f"{name}{place and f'.{place}'}: {message_of(detail)}") from None


Tasks = Annotated[
    dict[str, PromptTask],
    BeforeValidator(read_tasks),
    WithJsonSchema({"type": ["string", "object"], "format": "path"}),
]

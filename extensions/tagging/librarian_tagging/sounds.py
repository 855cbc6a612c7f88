"""Sounds to look for: what they are called, how they are described, and the file that lists them. Needs no model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from librarian.document import read_document

MOST_SOUNDS = 200
ID_PATTERN = r"^[a-z][a-z0-9_-]{0,47}$"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Prompt = Annotated[str, Field(min_length=1, max_length=300)]


class Sound(BaseModel):
    """A sound to look for: `{prompt: people laughing, threshold: 0.6}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    prompt: Prompt | list[Prompt] = Field(
        min_length=1, description="What it sounds like, in the language of the model; several are averaged."
    )
    threshold: float = Field(0.5, gt=0, lt=1, description="Probability from which it is there (0 to 1).")
    contrast: list[Prompt] = Field(
        [], max_length=16, description="What it is told from, instead of the contrast of the step."
    )

    @property
    def prompts(self) -> tuple[str, ...]:
        """One or more."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)


Sounds = Annotated[dict[Id, Sound], Field(max_length=MOST_SOUNDS)]


def read_presets(value: Any) -> str:
    """The canonical text of a list of sounds, from its file (YAML or JSON) or from such a text; empty for none.

    Raises:
        ValueError: it cannot be read, or is no list of sounds.
    """
    if not isinstance(value, str):
        raise ValueError("name a file with sounds")
    if not value:
        return ""
    sounds = _checked(json.loads(value) if value[:1] == "{" else read_document(value))
    document = {name: sound.model_dump() for name, sound in sounds.items()}
    return json.dumps(document, sort_keys=True)


def sounds_of(presets: str, sounds: Mapping[str, Sound]) -> dict[str, Sound]:
    """All sounds, by id: those of a text that `read_presets` gave, and those of the step, which go before."""
    return {**(_checked(json.loads(presets)) if presets else {}), **sounds}


def _checked(data: Any) -> dict[str, Sound]:
    try:
        found = TypeAdapter(Sounds).validate_python(data)
    except ValidationError as error:
        raise ValueError(f"is no list of sounds: {_where(error, data)}") from None
    if not found:
        raise ValueError("lists no sound; write id: {prompt: what it sounds like}")
    return found


def _where(error: ValidationError, data: Any) -> str:
    """The first thing wrong, by the number of its entry: what stands in a file is not repeated."""
    place = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    if not place or not isinstance(data, Mapping):
        return f"it is a mapping of at most {MOST_SOUNDS} ids, each with a prompt and a threshold"
    names = list(data)
    number = names.index(place[0]) + 1 if place[0] in names else 0
    part = next((str(each) for each in place[1:] if each in Sound.model_fields), "")
    if "[key]" in place:
        return f"the id of entry {number} is not of the form [a-z][a-z0-9_-]*"
    return f"entry {number} has a wrong {part}" if part else f"entry {number} is no mapping with a prompt"

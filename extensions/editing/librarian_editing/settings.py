"""The settings of what cuts, assembles, mixes and joins."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic import Field as PydanticField

from librarian import Duration, Field, Frequency, Gain, Level, Settings
from librarian_editing.cues import Cue, read_cues

Label = Annotated[str, PydanticField(min_length=1, max_length=100)]
Place = Annotated[str, PydanticField(pattern=r"^([a-z][a-z0-9-]{0,47}|[1-9][0-9]{0,3})$")]
"""A role, or a number from 1."""


def _whole(rate: float) -> float:
    if rate != round(rate):
        raise ValueError("a sample rate is a whole number of Hz")
    return rate


Rate = Annotated[Frequency, AfterValidator(_whole)]
Cues = Annotated[tuple[Cue, ...], BeforeValidator(read_cues), WithJsonSchema({"type": "string", "format": "path"})]


class CutSettings(Settings):
    """Where pieces start and end."""

    by: Literal["silence", "events", "length", "cues"] = Field(
        "silence",
        description="What parts the pieces: silence between them, events of the input events, a fixed length, or a "
        "list of times.",
    )
    threshold: Level = Field(
        "-45 dBFS", ge=-90, le=-6, description="By silence: RMS of 20 ms below which it is silent (dBFS, −90 to −6)."
    )
    silence: Duration = Field(
        "2 s", ge=0.1, le=60, description="By silence: what is silent for as long parts two pieces (s, 0.1 to 60)."
    )
    starts: list[Label] = Field(
        [],
        max_length=100,
        description="By events: labels of those that start a piece; none: each event is a piece of its own.",
    )
    ends: list[Label] = Field(
        [], max_length=100, description="By events: labels of those that end a piece; none: the next start does."
    )
    edges: Literal["keep", "drop"] = Field(
        "keep",
        description="By events: whether the events that start and end a piece are in it, or only what is between.",
    )
    length: Duration = Field(
        "10 min", ge=1, le=86400, description="By length: of each piece but the last (s, 1 to 86,400)."
    )
    times: list[Duration] = Field(
        [],
        max_length=10_000,
        description="By cues: where pieces start (s), in order; each ends where the next one starts.",
    )
    cues: Cues = Field(
        "", description="By cues: a cue sheet, or a CSV file with the columns start and end, relative to the job file."
    )
    padding: Duration = Field("0 s", ge=0, le=10, description="Added before and after each piece (s, 0 to 10).")
    minimum: Duration = Field(
        "1 s", ge=0, le=3600, description="What is shorter, without padding, makes no piece (s, 0 to 3600)."
    )

    @field_validator("times")
    @classmethod
    def _in_order(cls, value: list[float]) -> list[float]:
        read_cues([(time, None) for time in value])
        return value

    @model_validator(mode="after")
    def _has_cues(self) -> Self:
        if self.by == "cues" and bool(self.times) == bool(self.cues):
            raise ValueError("by: cues takes either times, as in [0, 95.5], or cues, a file")
        return self

    @property
    def listed(self) -> tuple[Cue, ...]:
        """The cues, from wherever they come."""
        return self.cues or tuple((time, None) for time in self.times)


class CallSettings(Settings):
    """Who is on which side, and how the sides are laid over each other."""

    left: Place = Field("left", description="Role, or number in the order of gathering, of what goes left: theirs.")
    right: Place = Field("right", description="The same of what goes right: ours.")
    both: Place = Field("both", description="The same of what holds both, which the sides are aligned to.")
    align: Literal["auto", "no"] = Field(
        "auto", description="Whether it is looked for how much later one side starts than the other."
    )
    within: Duration = Field("10 s", ge=0.1, le=60, description="The most that is looked for (s, 0.1 to 60).")
    certainty: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Confidence from which the sides are moved; below it they stay as they are (0 to 1).",
    )
    drift: Literal["keep", "correct"] = Field(
        "keep", description="Whether clocks that run apart are brought together by resampling, or only measured."
    )
    rate: Rate = Field(
        "0 Hz", ge=0, le=384_000, description="Sample rate (whole Hz; 0 for the higher one of the sides)."
    )

    @model_validator(mode="after")
    def _each_is_another(self) -> Self:
        if len({self.left, self.right, self.both}) < 3:  # noqa: PLR2004
            raise ValueError("left, right and both are three files, each another")
        return self


class Part(BaseModel):
    """How loud a part of a mix is, and where it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    gain: Gain = PydanticField(0.0, ge=-60, le=20, description="Gain (dB, −60 to 20).")
    pan: float = PydanticField(0.0, ge=-1, le=1, description="Place between left (−1) and right (1).")


class MixSettings(Settings):
    """What is heard of each part."""

    parts: dict[Place, Part] = Field(
        {},
        max_length=1000,
        description="Role, or number in the order of gathering → its gain and pan: {left: {gain: -3 dB, pan: -0.5}}.",
    )
    others: Literal["mix", "leave out"] = Field(
        "mix", description="Whether parts that are not named are mixed too, as they are and in the middle."
    )
    bed_gain: Gain = Field("-18 dB", ge=-60, le=20, description="Gain of the bed, if there is one (dB, −60 to 20).")
    bed_pan: float = Field(0.0, ge=-1, le=1, description="Place of the bed between left (−1) and right (1).")
    bed_fade: Duration = Field("2 s", ge=0, le=60, description="Fades of the bed, in and out (s, 0 to 60).")
    bed_repeat: bool = Field(True, description="Whether the bed is repeated until the parts have ended.")
    rate: Rate = Field(
        "0 Hz", ge=0, le=384_000, description="Sample rate (whole Hz; 0 for the highest of what is mixed)."
    )

    @field_validator("parts", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        return {str(name): each for name, each in value.items()} if isinstance(value, dict) else value


class JoinSettings(Settings):
    """What is between the parts, and which of them are taken."""

    fade: Duration = Field(
        "0 s", ge=0, le=30, description="Cross-fade from one part to the next, of equal power (s, 0 to 30)."
    )
    gap: Duration = Field("0 s", ge=0, le=60, description="Silence between the parts (s, 0 to 60).")
    shortest: Duration = Field("0 s", ge=0, le=86400, description="What is shorter is left out (s, 0 to 86,400).")
    rate: Rate = Field("0 Hz", ge=0, le=384_000, description="Sample rate (whole Hz; 0 for the highest of the parts).")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.gap and self.fade:
            raise ValueError("with a gap nothing is left to fade across; set gap or fade to 0")
        return self

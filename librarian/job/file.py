"""The schema of `job.yaml`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from librarian.operation import Duration

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
MOST_RECORDINGS = 1024
MOST_STEPS = 256
"""Every step may take every recordings entry, so a file within these stays small in memory too."""

Reference = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}(\.[a-z][a-z0-9_]{0,31})?$")]
References = Annotated[list[Reference], Field(min_length=1)]
Filled = Annotated[str, Field(min_length=1)]
From = Reference | References | Annotated[dict[str, Reference | References], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, populate_by_name=False
    )


class AudioFormat(_Strict):
    """How sound is written."""

    format: Literal["flac", "wav"] = Field("flac", description="Container.")
    bits: Literal[16, 24, 32] = Field(24, description="Bits a sample; 32 is float, in wav only.")

    @model_validator(mode="after")
    def _fits(self) -> AudioFormat:
        if self.format == "flac" and self.bits == 32:  # noqa: PLR2004
            raise ValueError("flac holds 16 or 24 bits; take wav for 32 (float)")
        return self


class RecordingsEntry(_Strict):
    """A set of recordings, by pattern."""

    id: Id = Field(description="Name that steps refer to.")
    path: Filled | Annotated[list[Filled], Field(min_length=1)] = Field(
        description="Patterns, relative to the job file: braces, ** and *."
    )
    label: str | None = Field(None, description="Regular expression: the part of a name that is public.")
    group: str | None = Field(None, description="Regular expression with (?P<group>…) and (?P<role>…).")
    roles: dict[str, Id] | None = Field(None, description="What the pattern's role reads → role.")
    list_: str | None = Field(None, alias="list", description="CSV file with a row a recording.")

    @property
    def patterns(self) -> list[str]:
        """All patterns."""
        return [self.path] if isinstance(self.path, str) else self.path


def _unicode(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(settings, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a text in it is not Unicode") from None
    return settings


class StepEntry(_Strict):
    """One step: an operation, its settings, where its inputs come from."""

    id: Id = Field(description="Name of the step.")
    use: str = Field(
        description="Operation, or package/operation.", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*/)?[a-z][a-z0-9_]*$"
    )
    from_: From | None = Field(
        None,
        alias="from",
        description="Recordings, step, step.output, or port → those; all recordings if left out.",
    )
    with_: Annotated[dict[str, Any], AfterValidator(_unicode)] = Field(
        default_factory=dict, alias="with", description="Settings of the operation."
    )
    audio: AudioFormat | None = Field(None, description="How this step writes sound.")
    keep: Literal["yes", "until-used"] = Field("yes", description="Whether results stay once they were used.")
    missing: Literal["skip", "leave out"] = Field("skip", description="What a gathering step does without a member.")


class PrivacyEntry(_Strict):
    """What the owner says about privacy."""

    names: Filled | None = Field(None, description="File with one name a line, relative to the job file.")


class RunEntry(_Strict):
    """How to run; none of it can change a result."""

    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.", pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$")
    workers: Literal["auto"] | Annotated[int, Field(ge=0, le=256)] = Field("auto", description="Worker processes.")
    timeout: Duration | None = Field(None, description="Longest time one task may take.", gt=0)


class JobFile(_Strict):
    """A librarian job file."""

    librarian: Literal[1] = Field(description="Format of the job file.")
    name: Id = Field(description="Name of the job; results are current by job name, step and unit.")
    audio: AudioFormat = Field(default_factory=AudioFormat, description="How results are written.")
    recordings: list[RecordingsEntry] = Field(description="What to work on.", min_length=1, max_length=MOST_RECORDINGS)
    steps: list[StepEntry] = Field(description="What to do.", min_length=1, max_length=MOST_STEPS)
    privacy: PrivacyEntry = Field(default_factory=PrivacyEntry, description="Names to keep out of every record.")
    run: RunEntry = Field(default_factory=RunEntry, description="How to run.")

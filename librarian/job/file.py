"""The schema of `job.yaml`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from librarian.quantity import Duration

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
MOST_RECORDINGS = 1024
MOST_STEPS = 256
"""Every step may take every recordings entry, so a file within these stays small in memory too."""

Reference = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}(\.[a-z][a-z0-9_]{0,31})?$")]
References = Annotated[list[Reference], Field(min_length=1)]
Filled = Annotated[str, Field(min_length=1)]


def _compiles(pattern: str) -> str:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error:
        raise ValueError("cannot be read as a regular expression (RE2: no look-around, no back-references)") from None
    return pattern


Expression = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_compiles)]
From = Reference | References | Annotated[dict[str, Reference | References], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=False,
        defer_build=True,
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


class ListEntry(_Strict):
    """A table of what is known of recordings beforehand."""

    file: Filled = Field(description="CSV file with a header line, relative to the job file.")
    public: list[str] = Field([], description="Columns that name no one; all others are kept out of every record.")


class RecordingsEntry(_Strict):
    """A set of recordings, by pattern."""

    id: Id = Field(description="Name that steps refer to.")
    path: Filled | Annotated[list[Filled], Field(min_length=1)] = Field(
        description="Patterns, relative to the job file: braces, ** and *."
    )
    label: Expression | None = Field(
        None, description="Regular expression (RE2): the part of a file's path that is public, or its (?P<label>…)."
    )
    group: Expression | None = Field(
        None, description="Regular expression (RE2) on a file's path, with (?P<group>…), and (?P<role>…) for its role."
    )
    roles: Annotated[dict[Filled, Id], Field(min_length=1)] | None = Field(
        None, description="What the pattern's role reads → role, in the order in which files are gathered."
    )
    list_: ListEntry | Filled | None = Field(
        None, alias="list", description="CSV file with a row a recording: its label, and values for settings."
    )

    @property
    def patterns(self) -> list[str]:
        """All patterns."""
        return [self.path] if isinstance(self.path, str) else self.path

    @property
    def table(self) -> ListEntry | None:
        """Its list, if it has one."""
        return ListEntry(file=self.list_, public=[]) if isinstance(self.list_, str) else self.list_

    @model_validator(mode="after")
    def _grouped(self) -> RecordingsEntry:
        parts = "" if self.group is None else self.group
        if self.group is not None and "(?P<group>" not in parts:
            raise ValueError("group: name the part that files of a group share: (?P<group>…)")
        if self.roles is not None and "(?P<role>" not in parts:
            raise ValueError("roles: name the part of the group pattern that tells them: (?P<role>…)")
        if self.roles is None and "(?P<role>" in parts:
            raise ValueError("group: say which roles there are, as in roles: {in: left, out: right}")
        if self.roles is not None and len(set(self.roles.values())) < len(self.roles):
            raise ValueError("roles: two of them have one name")
        return self


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
    keep: Literal["yes", "until-used"] = Field(
        "yes", description="Whether results stay once all that takes them in this job is done."
    )
    missing: Literal["skip", "leave out"] = Field("skip", description="What a gathering step does without a member.")
    only: Literal["clean"] | None = Field(None, description="Refuses what is private: all of its inputs must be clean.")

    @property
    def named(self) -> tuple[str, ...]:
        """What its `from` names: recordings, steps, or outputs of these."""
        stated = self.from_ or ()
        lists = stated.values() if isinstance(stated, dict) else (stated,)
        return tuple(name for names in lists for name in ([names] if isinstance(names, str) else names))


class PrivacyEntry(_Strict):
    """What the owner says about privacy."""

    level: Literal["strict", "balanced", "off"] = Field(
        "strict",
        description="What is kept out of every record beside what is known: all that looks like personal data "
        "(strict), only what is checked or named so (balanced), or nothing but secrets (off).",
    )
    names: Filled | None = Field(None, description="File with one name a line, relative to the job file.")
    allow: Filled | None = Field(
        None, description="File with one word a line that names no one, relative to the job file."
    )


class AllowEntry(_Strict):
    """What steps may do beside reading their inputs and writing their outputs."""

    hosts: list[Filled] = Field([], description="Hosts that steps may talk to, name:port as the step has it.")
    model_code: list[Id] = Field([], alias="model-code", description="Steps that may run code that comes with a model.")
    deletes: list[Id] = Field([], description="Steps that may delete something elsewhere, on a server.")


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
    privacy: PrivacyEntry = Field(default_factory=PrivacyEntry, description="What to keep out of every record.")
    allow: AllowEntry = Field(default_factory=AllowEntry, description="What steps may do that needs your leave.")
    run: RunEntry = Field(default_factory=RunEntry, description="How to run.")

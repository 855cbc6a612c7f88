"""The lines of a manifest of an act of the owner's that is no run: a prune, a forget, an export, a refusal."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from librarian.errors import CauseClass
from librarian.manifest.fields import (
    Fingerprint,
    Folder,
    Id,
    JobId,
    LineBody,
    MachineRecord,
    Pseudonym,
    TaskKey,
    TextDigest,
    When,
    Word,
)
from librarian.privacy.scrub import Scrubbed

ActKind = Literal["forget", "allow", "reveal", "rotate", "settle", "export", "prune", "move", "revise", "refuse"]


class ActLine(LineBody):
    """The first line of the manifest of an act of the owner's that is no run."""

    type: Literal["act"] = Field("act", description="Kind of line.")
    format: Literal[1] = Field(1, description="Format of the manifest.")
    job: JobId = Field(description="Id of the job.")
    act: Literal["forget", "allow", "reveal", "rotate", "settle", "export", "prune", "move", "revise", "refuse"] = (
        Field(description="What kind of act it is.")
    )
    version: Word = Field(description="Version of librarian-media.")
    machine: MachineRecord = Field(description="Where it was done.")
    started: When = Field(description="When it began (UTC).")


class DecisionLine(LineBody):
    """What the owner decided about a task that does not end well, or about a recording that is no longer there."""

    type: Literal["decision"] = Field("decision", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word | None = Field(None, description="Step of the job; null where it is about the recording itself.")
    unit: Id = Field(description="What it is about.")
    reason: CauseClass = Field(description="Class of the cause that was decided about.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")
    stands: bool = Field(True, description="False takes an earlier decision back.")


class ExportLine(LineBody):
    """Results that were copied out of the library."""

    type: Literal["export"] = Field("export", description="Kind of line.")
    steps: list[Word] = Field(description="Steps, or step.output, that were asked for.")
    names: bool = Field(description="Whether the copies have the names of the recordings.")
    private: bool = Field(description="Whether the owner said that results may leave that may name someone.")
    artifacts: list[Id] = Field(description="Which.")


class WithdrawnLine(LineBody):
    """A person's revision no longer counts: what the machine made does."""

    type: Literal["withdrawn"] = Field("withdrawn", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word = Field(description="Step of the job.")
    unit: Id = Field(description="What the task worked on.")
    output: Word = Field(description="Output of the operation.")
    item: int | None = Field(None, ge=1, description="Number in a list of many files, from 1.")
    artifact: Id = Field(description="The revision that counted.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")


class EmptiedLine(LineBody):
    """What a forget took out of one manifest, and what that had recorded."""

    type: Literal["emptied"] = Field("emptied", description="Kind of line.")
    job: JobId = Field(description="Whose manifest it is.")
    lines: list[int] = Field(description="Numbers of the lines, from 0.")
    artifacts: list[Id] = Field(description="Artifacts that they recorded.")
    folders: list[Folder] = Field(description="Where those lay in the library.")


class ForgottenLine(LineBody):
    """What is forgotten. It stands after the lines that say what that emptied, which count from then on."""

    type: Literal["forgotten"] = Field("forgotten", description="Kind of line.")
    units: list[Id] = Field(description="Recordings, and groups of nothing but these.")


class AllowedLine(LineBody):
    """Forgotten recordings that may be taken again."""

    type: Literal["allowed"] = Field("allowed", description="Kind of line.")
    units: list[Id] = Field(description="Recordings and groups.")


class RefusedLine(LineBody):
    """Something that a job would have done and that no rule of its file allows: nothing of the job was begun."""

    type: Literal["refused"] = Field("refused", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word = Field(description="Step of the job.")
    why: Literal["host", "model-code", "deletes", "private", "text", "not-clean"] = Field(
        description="A host or an effect without a rule; an input that would have left, or a text that names somebody; "
        "an input that is not clean where only that is taken."
    )
    hosts: list[Scrubbed] = Field(description="Hosts that it is about, scrubbed.")


class RevealedLine(LineBody):
    """What the owner was shown; what it was stands nowhere."""

    type: Literal["revealed"] = Field("revealed", description="Kind of line.")
    units: list[Id] = Field(description="What was asked for by its id.")
    pseudonyms: list[Pseudonym] = Field(description="Pseudonyms that were asked for.")
    values: int = Field(ge=0, description="How many values were shown.")


class DroppedLine(LineBody):
    """Results that were taken out of the library; what they were, and how to make them again, stays in the record.

    It stands before they are removed.
    """

    type: Literal["dropped"] = Field("dropped", description="Kind of line.")
    why: Literal["used", "superseded", "named"] = Field(
        description="They had been used, and were kept until then; or were pruned: nothing was current with them, or "
        "they were current and named."
    )
    keys: list[TaskKey] = Field(min_length=1, description="Task keys of what made them.")
    results: int = Field(ge=0, description="How many artifacts.")
    bytes: int = Field(ge=0, description="Their size (bytes).")


class MovedLine(LineBody):
    """The library was copied to another place, and read back there. The seal says that it is used from then on."""

    type: Literal["moved"] = Field("moved", description="Kind of line.")
    results: int = Field(ge=0, description="Artifacts that were copied.")
    bytes: int = Field(ge=0, description="Their size (bytes).")
    before: int = Field(ge=0, description="Artifacts that an attempt before had copied.")
    left: int = Field(ge=0, description="Artifacts that were missing or damaged, and left out.")


class RotatedLine(LineBody):
    """Pseudonyms are made with another key from here on."""

    type: Literal["rotated"] = Field("rotated", description="Kind of line.")
    before: Fingerprint = Field(description="What tells the key before from others, and says nothing of it.")
    after: Fingerprint = Field(description="The same of the new key.")

"""The lines of a manifest, as types. A string here is an id, a digest, a word that was checked, or scrubbed text.

A manifest is JSON Lines, chained as `chain` says.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from librarian.errors import CauseClass
from librarian.manifest.act_lines import (
    ActLine,
    AllowedLine,
    DecisionLine,
    DroppedLine,
    EmptiedLine,
    ExportLine,
    ForgottenLine,
    MovedLine,
    RefusedLine,
    RevealedLine,
    RotatedLine,
    WithdrawnLine,
)
from librarian.manifest.fields import (
    Digest,
    Document,
    FactValue,
    FileName,
    Fingerprint,
    Folder,
    Id,
    JobId,
    LineBody,
    MachineRecord,
    Record,
    TaskKey,
    TextDigest,
    When,
    Word,
)
from librarian.privacy.scrub import Scrubbed

Outcome = Literal["done", "cached", "degraded", "failed", "skipped"]
Fence = Literal["none", "hook", "seccomp", "seccomp+hook", "hook+landlock", "seccomp+landlock"]


class StepRecord(Record):
    """A step as it was resolved."""

    id: Word = Field(description="Its name in the job file.")
    operation: Word = Field(description="package/operation")
    version: Word = Field(description="Version of the operation.")
    package_version: Word = Field(description="Version of the package.")
    settings: Document = Field(description="Every setting that can change a result; texts as keyed digests.")
    given: list[Word] = Field(description="Settings that the owner wrote; the others are defaults.")
    inputs: dict[Word, list[Word]] = Field(description="Port → recordings entries, or step.output.")
    audio: dict[str, str | int] | None = Field(description="How sound is written; null where none is.")


class JobLine(LineBody):
    """The first line of a manifest."""

    type: Literal["job"] = Field("job", description="Kind of line.")
    format: Literal[1] = Field(1, description="Format of the manifest.")
    job: JobId = Field(description="Id of the job.")
    act: Literal["run"] = Field(description="What kind of job it is.")
    name: Word = Field(description="Name of the job.")
    file: Digest = Field(description="Keyed digest of the job file.")
    steps: list[StepRecord] = Field(description="The steps as they were resolved.")
    versions: dict[Word, Word] = Field(description="Package → version.")
    code: dict[Word, Fingerprint] = Field({}, description="Extension → what the files of its code come down to.")
    machine: MachineRecord = Field(description="Where it ran.")
    device: Word = Field(description="What it computed on.")
    workers: int = Field(description="Worker processes; 0: extension code ran in the main process.")
    fence: Fence = Field(
        description="What kept workers from network and other folders: the kernel (seccomp, landlock), or a hook in "
        "Python; hosts that an operation declares are let through by a hook."
    )
    options: dict[Word, FactValue | list[Word]] = Field(description="What was typed beside the job file.")
    privacy: Literal["strict", "balanced", "off"] | None = Field(
        None, description="What was kept out of texts beside known values; off: nothing but secrets."
    )
    allowed: dict[Word, list[Scrubbed]] = Field(
        {}, description="Step → what the owner let it do: the hosts that it talks to, scrubbed; model-code, deletes."
    )
    started: When = Field(description="When it began (UTC).")


class Cause(Record):
    """Why a task did not end well."""

    reason: CauseClass = Field(description="Class of the cause.")
    exception: Word | None = Field(None, description="Type of the exception, if one was raised.")
    signal: int | None = Field(None, description="Signal that ended the worker.")
    exit_code: int | None = Field(None, description="Exit code of the worker.")
    message: Scrubbed | None = Field(None, description="What was said, scrubbed.")


class Consumed(Record):
    """One input of a task and the digest of the bytes that it read."""

    port: Word = Field(description="Input of the operation.")
    role: Word | None = Field(description="Role in a group; null where there is none.")
    id: Id = Field(description="Recording or artifact.")
    digest: Digest = Field(description="Digest of the bytes that were read.")


class Lacking(Record):
    """What should have been gathered and was not there."""

    port: Word = Field(description="Input of the operation.")
    role: Word | None = Field(description="Role in a group; null where there is none.")
    unit: Id | None = Field(description="Whose it would have been; null where no file has the role.")
    step: Word | None = Field(description="The step that left nothing; null where a recording is missing.")


class Produced(Record):
    """One artifact."""

    id: Id = Field(description="Id of the artifact, from how it is made.")
    output: Word = Field(description="Output of the operation.")
    item: int | None = Field(None, ge=1, description="Number in a list of many files, from 1.")
    kind: Word = Field(description="Kind, such as audio or turns/1.")
    file: FileName = Field(description="Name of the file.")
    bytes: int = Field(ge=0, description="Size (bytes).")
    digest: Digest = Field(description="Digest of the content; keyed where it is private.")
    private: bool = Field(description="Whether its content may name someone.")
    facts: dict[Word, FactValue] = Field(description="What was measured.")


class Timings(Record):
    """Seconds of wall time."""

    wait: float = Field(0.0, ge=0, description="Waiting for a worker (s).")
    read: float = Field(0.0, ge=0, description="Reading inputs (s).")
    load: float = Field(0.0, ge=0, description="Loading models (s).")
    compute: float = Field(0.0, ge=0, description="Computing (s).")
    write: float = Field(0.0, ge=0, description="Writing outputs (s).")
    commit: float = Field(0.0, ge=0, description="Hashing, renaming and recording (s).")

    @property
    def worked(self) -> float:
        """All of it but the waiting (s)."""
        return self.read + self.load + self.compute + self.write + self.commit


class RungRecord(Record):
    """One way in which a task was done, or tried again, where memory did not suffice."""

    settings: Document = Field({}, description="Settings that it changed; texts as keyed digests.")
    device: Word | None = Field(None, description="Where, if not where it was to be.")
    singly: bool = Field(False, description="Whether it was computed by itself and not in a batch.")


class Revises(Record):
    """What a person's revision stands in the place of."""

    artifact: Id = Field(description="The revision.")
    output: Word = Field(description="Output of the step in whose place it stands.")
    item: int | None = Field(None, ge=1, description="Number in a list of many files, from 1.")
    machine: Id = Field(description="What the step had made there.")
    digest: Digest = Field(description="Digest of that, as it was then.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")
    cleared: bool = Field(False, description="Whether the owner said that it names no one, where the other might.")


class OutcomeLine(LineBody):
    """How one task ended."""

    type: Literal["outcome"] = Field("outcome", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word = Field(description="Step of the job.")
    unit: Id = Field(description="What the task worked on.")
    outcome: Outcome = Field(description="How it ended.")
    key: TaskKey | None = Field(description="Null where it cannot be known: an input has no digest.")
    document: Document | None = Field(description="How it is made: what the key is the HMAC of.")
    given: list[Word] = Field([], description="Settings that the owner wrote.")
    folder: Folder | None = Field(None, description="Where the artifacts lie in the library.")
    cause: Cause | None = Field(None, description="Why it did not end well.")
    consumed: list[Consumed] = Field([], description="Inputs.")
    absent: list[Lacking] = Field([], description="What was missing among what is gathered.")
    produced: list[Produced] = Field([], description="Outputs.")
    replaces: bool = Field(False, description="Whether an earlier folder of the same key was replaced.")
    revises: Revises | None = Field(None, description="Of what a person made: in whose place; null of what steps made.")
    rungs: list[RungRecord] = Field([], description="What was tried where memory did not suffice; the last is how.")
    retries: list[float] = Field([], description="Pauses after which it was tried again, for its servers (s).")
    seed: int | None = Field(None, description="Seed of the task, from its key.")
    audio_seconds: float | None = Field(None, ge=0, description="Length of the sound that was worked on (s).")
    timings: Timings = Field(Timings(), description="What took how long.")


class BreakerLine(LineBody):
    """From here on the run tries nothing more of an extension, or of what needs a server: it failed again and again."""

    type: Literal["breaker"] = Field("breaker", description="Kind of line.")
    of: Literal["extension", "host"] = Field(description="What is broken off.")
    name: Scrubbed = Field(description="Which; of a host what is left of its name.")
    reason: CauseClass = Field(description="Class of the last failure's cause.")
    failures: int = Field(ge=1, description="Failures in a row.")


class SummaryLine(LineBody):
    """Counts; cached tasks that are current already have no line of their own."""

    type: Literal["summary"] = Field("summary", description="Kind of line.")
    recordings: int = Field(description="Number of recordings.")
    counts: dict[Word, dict[Outcome, int]] = Field(description="Step → outcome → tasks.")
    withheld: dict[Word, int] = Field({}, description="Step → tasks left as they are that would have been redone.")
    known: dict[Word, int] = Field({}, description="Step → tasks of these that failed before and were not tried again.")
    settled: dict[Word, int] = Field({}, description="Step → tasks of these whose failure the owner settled.")
    absent: int = Field(0, description="Recordings and groups known before that were not there.")
    fresh: int = Field(0, description="Files that had just changed and were left for the next run.")
    scrubbed: dict[Word, int] = Field({}, description="Type of personal data → pseudonyms put in its place in texts.")
    recognizers: Word | None = Field(None, description="Version of what recognized it.")


class SealLine(LineBody):
    """The last line of a manifest."""

    type: Literal["seal"] = Field("seal", description="Kind of line.")
    state: Literal["complete", "interrupted"] = Field(description="Whether the job came to its end.")
    outcomes: int = Field(description="Number of outcome lines.")
    ended: When = Field(description="When it ended (UTC).")


Said = (
    EmptiedLine
    | ForgottenLine
    | AllowedLine
    | RefusedLine
    | RevealedLine
    | RotatedLine
    | DecisionLine
    | ExportLine
    | MovedLine
    | WithdrawnLine
)
Act = ActLine | Said | DroppedLine | OutcomeLine
"""What the manifest of an act holds, but for the seal; runs too say what they drop. Of outcomes, what a person made."""
Body = JobLine | Act | BreakerLine | SummaryLine | SealLine


class Line(Record):
    """One line of a manifest."""

    seq: int = Field(ge=0, description="Number of the line, from 0.")
    prev: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the line before's seq, prev and digest.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the body's canonical text.")
    body: Annotated[Body, Field(discriminator="type")] | None = Field(
        description="What is recorded; null where it was forgotten."
    )

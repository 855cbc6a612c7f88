"""The lines of a manifest, as types. A string here is an id, a digest, a word that was checked, or scrubbed text.

A manifest is JSON Lines, chained as `chain` says.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from librarian.errors import CauseClass
from librarian.manifest.chain import new_salt
from librarian.privacy.scrub import Scrubbed

Outcome = Literal["done", "cached", "degraded", "failed", "skipped"]
ActKind = Literal["forget", "allow", "reveal", "rotate", "settle", "export", "prune", "move", "revise", "refuse"]
Fence = Literal["none", "hook", "seccomp", "seccomp+hook", "hook+landlock", "seccomp+landlock"]

Id = Annotated[str, Field(pattern=r"^(rec|grp|set|art|src|mch)_[a-z2-7]{13}$")]
JobId = Annotated[str, Field(pattern=r"^job_[0-9a-hjkmnp-tv-z]{26}$")]
Digest = Annotated[str, Field(pattern=r"^(keyed:[a-z2-7]{52}|sha256:[0-9a-f]{64})$")]
TextDigest = Annotated[str, Field(pattern=r"^text:[a-z2-7]{52}$")]
Fingerprint = Annotated[str, Field(pattern=r"^[a-z2-7]{26}$")]
Pseudonym = Annotated[str, Field(pattern=r"^[A-Z]{2,16}:[a-z2-7]{8}$")]
TaskKey = Annotated[str, Field(pattern=r"^[a-z2-7]{52}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+!/:-]{0,95}$")]
"""A word that the owner chose and that was checked, or that an installed package declares."""
When = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
FileName = Annotated[str, Field(pattern=r"^[a-z]{3}_[a-z2-7]{13}\.[a-z0-9_]+\.[a-z0-9_]+(\.\d{4,})?\.[a-z0-9]{1,8}$")]
Folder = Annotated[str, Field(pattern=r"^[a-z2-7]{2}/[a-z]{3}_[a-z2-7]{13}/[a-z0-9_]+-[a-z2-7]{8}$")]
FactValue = StrictBool | StrictInt | StrictFloat | Word | None

_LONGEST_TYPED = 200
_CONTROL = re.compile(r"[\0-\x1f]")


def _typed_only(value: Any) -> Any:
    """Refuse free text in a key document: numbers, flags and declared words stand there, and digests of text."""
    waiting = [value]
    for each in waiting:  # which grows meanwhile
        if isinstance(each, str):
            if len(each) > _LONGEST_TYPED or _CONTROL.search(each):
                raise ValueError("free text in a key document")
        elif isinstance(each, dict):
            waiting += (*each, *each.values())
        elif isinstance(each, list):
            waiting += each
    return value


Document = Annotated[dict[str, Any], AfterValidator(_typed_only)]


class _Record(BaseModel):
    # Built when first used: most commands need few of them, and a schema takes a millisecond.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


class _Body(_Record):
    salt: str = Field(
        default_factory=lambda: new_salt(),  # noqa: PLW0108 (looked up when called)
        pattern=r"^[0-9a-f]{32}$",
        description="Random; keeps the digest of a body that was emptied from being guessed.",
    )


class StepRecord(_Record):
    """A step as it was resolved."""

    id: Word = Field(description="Its name in the job file.")
    operation: Word = Field(description="package/operation")
    version: Word = Field(description="Version of the operation.")
    package_version: Word = Field(description="Version of the package.")
    settings: Document = Field(description="Every setting that can change a result; texts as keyed digests.")
    given: list[Word] = Field(description="Settings that the owner wrote; the others are defaults.")
    inputs: dict[Word, list[Word]] = Field(description="Port → recordings entries, or step.output.")
    audio: dict[str, str | int] | None = Field(description="How sound is written; null where none is.")


class MachineRecord(_Record):
    """Where the job ran. The id is keyed; no host name stands here."""

    id: Id = Field(description="Keyed id.")
    system: Word = Field(description="Operating system and its version.")
    processor: Word = Field(description="Kind of processor.")
    cores: int = Field(description="Number of cores.")
    memory: int = Field(description="Bytes.")


class ActLine(_Body):
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


class DecisionLine(_Body):
    """What the owner decided about a task that does not end well, or about a recording that is no longer there."""

    type: Literal["decision"] = Field("decision", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word | None = Field(None, description="Step of the job; null where it is about the recording itself.")
    unit: Id = Field(description="What it is about.")
    reason: CauseClass = Field(description="Class of the cause that was decided about.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")
    stands: bool = Field(True, description="False takes an earlier decision back.")


class ExportLine(_Body):
    """Results that were copied out of the library."""

    type: Literal["export"] = Field("export", description="Kind of line.")
    steps: list[Word] = Field(description="Steps, or step.output, that were asked for.")
    names: bool = Field(description="Whether the copies have the names of the recordings.")
    private: bool = Field(description="Whether the owner said that results may leave that may name someone.")
    artifacts: list[Id] = Field(description="Which.")


class WithdrawnLine(_Body):
    """A person's revision no longer counts: what the machine made does."""

    type: Literal["withdrawn"] = Field("withdrawn", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word = Field(description="Step of the job.")
    unit: Id = Field(description="What the task worked on.")
    output: Word = Field(description="Output of the operation.")
    item: int | None = Field(None, ge=1, description="Number in a list of many files, from 1.")
    artifact: Id = Field(description="The revision that counted.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")


class EmptiedLine(_Body):
    """What a forget took out of one manifest, and what that had recorded."""

    type: Literal["emptied"] = Field("emptied", description="Kind of line.")
    job: JobId = Field(description="Whose manifest it is.")
    lines: list[int] = Field(description="Numbers of the lines, from 0.")
    artifacts: list[Id] = Field(description="Artifacts that they recorded.")
    folders: list[Folder] = Field(description="Where those lay in the library.")


class ForgottenLine(_Body):
    """What is forgotten. It stands after the lines that say what that emptied, which count from then on."""

    type: Literal["forgotten"] = Field("forgotten", description="Kind of line.")
    units: list[Id] = Field(description="Recordings, and groups of nothing but these.")


class AllowedLine(_Body):
    """Forgotten recordings that may be taken again."""

    type: Literal["allowed"] = Field("allowed", description="Kind of line.")
    units: list[Id] = Field(description="Recordings and groups.")


class RefusedLine(_Body):
    """Something that a job would have done and that no rule of its file allows: nothing of the job was begun."""

    type: Literal["refused"] = Field("refused", description="Kind of line.")
    job_name: Word = Field(description="Name of the job.")
    step: Word = Field(description="Step of the job.")
    why: Literal["host", "model-code", "deletes", "private", "text", "not-clean"] = Field(
        description="A host or an effect without a rule; an input that would have left, or a text that names somebody; "
        "an input that is not clean where only that is taken."
    )
    hosts: list[Scrubbed] = Field(description="Hosts that it is about, scrubbed.")


class RevealedLine(_Body):
    """What the owner was shown; what it was stands nowhere."""

    type: Literal["revealed"] = Field("revealed", description="Kind of line.")
    units: list[Id] = Field(description="What was asked for by its id.")
    pseudonyms: list[Pseudonym] = Field(description="Pseudonyms that were asked for.")
    values: int = Field(ge=0, description="How many values were shown.")


class DroppedLine(_Body):
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


class MovedLine(_Body):
    """The library was copied to another place, and read back there. The seal says that it is used from then on."""

    type: Literal["moved"] = Field("moved", description="Kind of line.")
    results: int = Field(ge=0, description="Artifacts that were copied.")
    bytes: int = Field(ge=0, description="Their size (bytes).")
    before: int = Field(ge=0, description="Artifacts that an attempt before had copied.")
    left: int = Field(ge=0, description="Artifacts that were missing or damaged, and left out.")


class RotatedLine(_Body):
    """Pseudonyms are made with another key from here on."""

    type: Literal["rotated"] = Field("rotated", description="Kind of line.")
    before: Fingerprint = Field(description="What tells the key before from others, and says nothing of it.")
    after: Fingerprint = Field(description="The same of the new key.")


class JobLine(_Body):
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


class Cause(_Record):
    """Why a task did not end well."""

    reason: CauseClass = Field(description="Class of the cause.")
    exception: Word | None = Field(None, description="Type of the exception, if one was raised.")
    signal: int | None = Field(None, description="Signal that ended the worker.")
    exit_code: int | None = Field(None, description="Exit code of the worker.")
    message: Scrubbed | None = Field(None, description="What was said, scrubbed.")


class Consumed(_Record):
    """One input of a task and the digest of the bytes that it read."""

    port: Word = Field(description="Input of the operation.")
    role: Word | None = Field(description="Role in a group; null where there is none.")
    id: Id = Field(description="Recording or artifact.")
    digest: Digest = Field(description="Digest of the bytes that were read.")


class Lacking(_Record):
    """What should have been gathered and was not there."""

    port: Word = Field(description="Input of the operation.")
    role: Word | None = Field(description="Role in a group; null where there is none.")
    unit: Id | None = Field(description="Whose it would have been; null where no file has the role.")
    step: Word | None = Field(description="The step that left nothing; null where a recording is missing.")


class Produced(_Record):
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


class Timings(_Record):
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


class RungRecord(_Record):
    """One way in which a task was done, or tried again, where memory did not suffice."""

    settings: Document = Field({}, description="Settings that it changed; texts as keyed digests.")
    device: Word | None = Field(None, description="Where, if not where it was to be.")
    singly: bool = Field(False, description="Whether it was computed by itself and not in a batch.")


class Revises(_Record):
    """What a person's revision stands in the place of."""

    artifact: Id = Field(description="The revision.")
    output: Word = Field(description="Output of the step in whose place it stands.")
    item: int | None = Field(None, ge=1, description="Number in a list of many files, from 1.")
    machine: Id = Field(description="What the step had made there.")
    digest: Digest = Field(description="Digest of that, as it was then.")
    because: TextDigest | None = Field(None, description="Keyed digest of what the owner said; the text is private.")
    cleared: bool = Field(False, description="Whether the owner said that it names no one, where the other might.")


class OutcomeLine(_Body):
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


class BreakerLine(_Body):
    """From here on the run tries nothing more of an extension, or of what needs a server: it failed again and again."""

    type: Literal["breaker"] = Field("breaker", description="Kind of line.")
    of: Literal["extension", "host"] = Field(description="What is broken off.")
    name: Scrubbed = Field(description="Which; of a host what is left of its name.")
    reason: CauseClass = Field(description="Class of the last failure's cause.")
    failures: int = Field(ge=1, description="Failures in a row.")


class SummaryLine(_Body):
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


class SealLine(_Body):
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


class Line(_Record):
    """One line of a manifest."""

    seq: int = Field(ge=0, description="Number of the line, from 0.")
    prev: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the line before's seq, prev and digest.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the body's canonical text.")
    body: Annotated[Body, Field(discriminator="type")] | None = Field(
        description="What is recorded; null where it was forgotten."
    )

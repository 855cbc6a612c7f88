"""The lines of a manifest, as types. A string here is an id, a digest, a word that was checked, or scrubbed text.

A manifest is JSON Lines: `{seq, prev, digest, body}`. `digest` is the sha256 of the body's canonical text, which
carries 16 random bytes; `prev` chains the line to the one before, and a manifest's first line to the last line of
the manifest before it. So a body can be emptied later and the chain still verifies.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from librarian.errors import CauseClass
from librarian.keys import canonical
from librarian.privacy.scrub import Scrubbed

SALT_BYTES = 16
NO_LINE = "0" * 64
"""`prev` of the first line of a project's first manifest."""

Outcome = Literal["done", "cached", "degraded", "failed", "skipped"]
GOOD: frozenset[str] = frozenset({"done", "cached", "degraded"})

Id = Annotated[str, Field(pattern=r"^(rec|grp|set|art|src|mch)_[a-z2-7]{13}$")]
JobId = Annotated[str, Field(pattern=r"^job_[0-9a-hjkmnp-tv-z]{26}$")]
Digest = Annotated[str, Field(pattern=r"^(keyed:[a-z2-7]{52}|sha256:[0-9a-f]{64})$")]
TaskKey = Annotated[str, Field(pattern=r"^[a-z2-7]{52}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+/:-]{0,95}$")]
"""A word that the owner chose and that was checked, or that an installed package declares."""
When = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
FileName = Annotated[str, Field(pattern=r"^[a-z]{3}_[a-z2-7]{13}\.[a-z0-9_]+\.[a-z0-9_]+(\.\d{4,})?\.[a-z0-9]{1,8}$")]
Folder = Annotated[str, Field(pattern=r"^[a-z2-7]{2}/[a-z]{3}_[a-z2-7]{13}/[a-z0-9_]+-[a-z2-7]{8}$")]
FactValue = StrictBool | StrictInt | StrictFloat | Word | None

_TEXT_DIGEST = "text:"
_LONGEST_TYPED = 200


def _typed_only(value: Any) -> Any:
    """Refuse free text in a key document: numbers, flags and declared words stand there, and digests of text."""
    if isinstance(value, dict):
        for name, each in value.items():
            _typed_only(name), _typed_only(each)
    elif isinstance(value, list):
        for each in value:
            _typed_only(each)
    elif isinstance(value, str) and (len(value) > _LONGEST_TYPED or any(ord(char) < ord(" ") for char in value)):
        raise ValueError("free text in a key document")
    return value


Document = Annotated[dict[str, Any], AfterValidator(_typed_only)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def new_salt() -> str:
    """16 random bytes in hex: what keeps a body's digest from being guessed once the body is emptied."""
    return secrets.token_hex(SALT_BYTES)


class _Body(_Record):
    salt: str = Field(
        default_factory=lambda: new_salt(),  # noqa: PLW0108 (looked up when called)
        pattern=r"^[0-9a-f]{32}$",
    )


class StepRecord(_Record):
    """A step as it was resolved."""

    id: Word
    operation: Word = Field(description="package/operation")
    version: Word
    package_version: Word
    settings: Document
    given: list[Word] = Field(description="Settings that the owner wrote; the others are defaults.")
    inputs: dict[Word, list[Word]] = Field(description="Port → recordings entries, or step.output.")
    audio: dict[str, str | int] | None


class MachineRecord(_Record):
    """Where the job ran. The id is keyed; no host name stands here."""

    id: Id
    system: Word
    processor: Word
    cores: int
    memory: int = Field(description="Bytes.")


class JobLine(_Body):
    """The first line of a manifest."""

    type: Literal["job"] = "job"
    format: Literal[1] = 1
    job: JobId
    act: Literal["run"] = Field(description="What kind of job it is.")
    name: Word
    file: Digest = Field(description="Keyed digest of the job file.")
    steps: list[StepRecord]
    versions: dict[Word, Word] = Field(description="Package → version.")
    machine: MachineRecord
    device: Word
    workers: int = Field(description="Worker processes; 0: extension code ran in the main process.")
    fence: Literal["none", "hook", "seccomp"] = Field(description="What kept workers from network and other folders.")
    options: dict[Word, FactValue]
    started: When


class Cause(_Record):
    """Why a task did not end well."""

    reason: CauseClass
    exception: Word | None = Field(None, description="Type of the exception, if one was raised.")
    signal: int | None = Field(None, description="Signal that ended the worker.")
    exit_code: int | None = Field(None, description="Exit code of the worker.")
    message: Scrubbed | None = None


class Consumed(_Record):
    """One input of a task and the digest of the bytes that it read."""

    port: Word
    role: Word | None
    id: Id
    digest: Digest


class Produced(_Record):
    """One artifact."""

    id: Id
    output: Word
    item: int | None = Field(None, ge=1)
    kind: Word
    file: FileName
    bytes: int = Field(ge=0)
    digest: Digest
    private: bool
    facts: dict[Word, FactValue]


class Timings(_Record):
    """Seconds of wall time."""

    wait: float = Field(0.0, ge=0)
    read: float = Field(0.0, ge=0)
    load: float = Field(0.0, ge=0)
    compute: float = Field(0.0, ge=0)
    write: float = Field(0.0, ge=0)
    commit: float = Field(0.0, ge=0)


class OutcomeLine(_Body):
    """How one task ended."""

    type: Literal["outcome"] = "outcome"
    job_name: Word
    step: Word
    unit: Id
    outcome: Outcome
    key: TaskKey | None = Field(description="Null where it cannot be known: an input has no digest.")
    document: Document | None
    given: list[Word] = []
    folder: Folder | None = Field(None, description="Where the artifacts lie in the library.")
    cause: Cause | None = None
    consumed: list[Consumed] = []
    produced: list[Produced] = []
    replaces: bool = Field(False, description="Whether an earlier folder of the same key was replaced.")
    seed: int | None = None
    timings: Timings = Timings()


class SummaryLine(_Body):
    """Counts; cached tasks that are current already have no line of their own."""

    type: Literal["summary"] = "summary"
    recordings: int
    counts: dict[Word, dict[Outcome, int]] = Field(description="Step → outcome → tasks.")


class SealLine(_Body):
    """The last line of a manifest."""

    type: Literal["seal"] = "seal"
    state: Literal["complete", "interrupted"]
    outcomes: int = Field(description="Number of outcome lines.")
    ended: When


Body = JobLine | OutcomeLine | SummaryLine | SealLine


class Line(_Record):
    """One line of a manifest."""

    seq: int = Field(ge=0)
    prev: str = Field(pattern=r"^[0-9a-f]{64}$")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    body: Annotated[Body, Field(discriminator="type")] | None


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def link(seq: int, prev: str, digest: str) -> str:
    """What the next line's `prev` is."""
    return sha256(canonical([seq, prev, digest]))

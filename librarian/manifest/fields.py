"""What the lines of a manifest are made of: ids, digests, words that were checked, and records that take no others."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from librarian.manifest.chain import new_salt

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
            if len(each) > _LONGEST_TYPED or (not each.isprintable() and _CONTROL.search(each)):
                raise ValueError("free text in a key document")
        elif isinstance(each, dict):
            waiting += (*each, *each.values())
        elif isinstance(each, list):
            waiting += each
    return value


Document = Annotated[dict[str, Any], AfterValidator(_typed_only)]


class Record(BaseModel):
    """A part of a line: nothing but the fields that it declares, and no number that is none."""

    # Built when first used: most commands need few of them, and a schema takes a millisecond.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


class LineBody(Record):
    """What a line records."""

    salt: str = Field(
        default_factory=lambda: new_salt(),  # noqa: PLW0108 (looked up when called)
        pattern=r"^[0-9a-f]{32}$",
        description="Random; keeps the digest of a body that was emptied from being guessed.",
    )


class MachineRecord(Record):
    """Where the job ran. The id is keyed; no host name stands here."""

    id: Id = Field(description="Keyed id.")
    system: Word = Field(description="Operating system and its version.")
    processor: Word = Field(description="Kind of processor.")
    cores: int = Field(description="Number of cores.")
    memory: int = Field(description="Bytes.")

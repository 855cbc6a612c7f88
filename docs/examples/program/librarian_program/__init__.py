"""An example of an extension for librarian: `program` puts recordings through a program of the command line."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from librarian import Audio, Duration, Fact, Field, Model, Operation, Resources, Settings, Size, hookimpl

GIVEN, MADE = "input.wav", "output.wav"
"""The files that a program reads and writes, in the folder that it is started in."""


class ProgramSettings(Settings):
    """What is started, and what it may take."""

    program: str = Field(description="Its name on PATH, or its path.", min_length=1, max_length=1000)
    arguments: tuple[str, ...] = Field(
        description=f"What it is given, one text an argument, as they are: it reads {GIVEN} and writes {MADE}.",
        max_length=100,
    )
    bits: Literal[16, 24, 32] = Field(24, description=f"Of {GIVEN}: 16, 24, or 32 (float).")
    length: Literal["same", "any"] = Field(
        "same", description="Whether the result has as many frames as the recording."
    )
    timeout: Duration = Field(
        "10 min", gt=0, le=86_400, changes_result=False, description="After which it is ended (s, up to a day)."
    )
    largest: Size = Field(
        "4 GiB",
        ge=1024,
        le=2**38,
        changes_result=False,
        description="Of each file that it writes (B, 1 KiB to 256 GiB).",
    )
    digest: str = Field(
        "",
        pattern=r"^([0-9a-f]{64})?$",
        description="sha256 of the program's file: another one is refused. Left out, it is taken from what is there.",
    )

    @model_validator(mode="after")
    def _names_its_files(self) -> Self:
        for name in (GIVEN, MADE):
            if not any(name in each for each in self.arguments):
                raise ValueError(f"arguments: none names {name}")
        if any("\0" in each for each in (self.program, *self.arguments)):
            raise ValueError("arguments: none may hold a zero byte")
        return self


def place_of(program: str) -> str:
    """Where a program lies.

    Raises:
        ValueError: there is none.
    """
    found = shutil.which(program)
    if found is None:
        raise ValueError("the program is not installed, or not on PATH")
    return os.path.realpath(found)


def found(settings: ProgramSettings, installed: Mapping[str, Model]) -> tuple[ProgramSettings, Sequence[str]]:
    """The settings with the digest of the program that is there: another one makes another result."""
    digest = hashlib.sha256(Path(place_of(settings.program)).read_bytes()).hexdigest()
    if settings.digest not in ("", digest):
        raise ValueError("the program is another one than digest says; leave that out, or install what was meant")
    return settings.model_copy(update={"digest": digest}), ()


PROGRAM = Operation(
    name="program",
    version="1",
    run="librarian_program.starting:program",
    settings=ProgramSettings,
    inputs={"audio": Audio},
    outputs={"audio": Audio},
    facts={"took": Fact("How long the program ran.", "s")},
    description="Put a recording through a program of the command line.",
    resources=Resources(memory="1 GiB"),
    reproducible="no",
    resolve=found,
    scratch=lambda settings: 2 * 48_000 * 4 * 2,
    example={"program": "sox", "arguments": ["-D", GIVEN, MADE, "reverse"]},
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`program`."""
    return [PROGRAM]

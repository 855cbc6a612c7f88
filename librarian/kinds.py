"""What flows between operations: files of a kind, and data with a schema.

`Audio, Image, Video, Text` are files; `File` is any of the first three. A subclass of `Data` is a JSON document with a
schema; the six below are how extensions meet without importing each other. Times are seconds from the start of the
recording, speakers are numbers from 1, channels are numbers from 0: nothing here has a place for a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
# Built when first used: most processes need none of them, and a schema takes a millisecond.
_CONFIG = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Kind:
    """The base of all kinds. `word` is how a record and a job file call it.

    An extension may subclass it for files of a format that the core does not know, such as tables: `word = "parquet"`.
    The core keeps them as they are, looks into none, and takes them for private.
    """

    word: ClassVar[str]
    clean: ClassVar[bool] = False
    """Whether no content of this kind can name anyone."""


class Audio(Kind):
    """A sound file."""

    word = "audio"


class Image(Kind):
    """A picture."""

    word = "image"


class Video(Kind):
    """A moving picture, with or without sound."""

    word = "video"


class File(Kind):
    """A sound file, a picture or a moving picture: as an input whichever comes, as an output what its bytes are."""

    word = "file"


class Text(Kind):
    """A text file, UTF-8."""

    word = "text"


class Data(BaseModel, Kind):
    """A JSON document with a schema. Subclass it, set `word = "<name>/<version>"` and declare the fields.

    Extra fields are refused, and so are NaN and infinities.
    """

    model_config = _CONFIG
    word: ClassVar[str] = "data"
    secret: ClassVar[bool] = False
    """Whether it stays in the vault: what tells people apart, such as voices. It becomes no file, no record says what
    is in it, and no other step can take it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}/[0-9]{1,4}", cls.word):
            raise TypeError(f'{cls.__name__}.word is {cls.word!r}; write "<name>/<version>", such as "beats/1"')


class _Span(BaseModel):
    model_config = _CONFIG

    start: Seconds = Field(description="Start (s).")
    end: Seconds = Field(description="End (s).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError("the end lies before the start")
        return self


class Turn(_Span):
    """One stretch of speech by one speaker."""

    speaker: int = Field(ge=1, description="Number of the speaker.")
    channel: int | None = Field(None, ge=0, description="Channel, where each has its own speakers.")
    confidence: Share | None = Field(None, description="Confidence.")


class Turns(Data):
    """Who spoke when. `turns` may overlap; `exclusive` never does."""

    word: ClassVar[str] = "turns/1"
    clean: ClassVar[bool] = True

    speakers: int = Field(ge=0, description="Number of speakers.")
    counted: Literal["given", "guessed", "channels"] = Field(description="Where the number comes from.")
    turns: list[Turn] = Field(description="All turns, by start.")
    exclusive: list[Turn] = Field(description="At most one speaker at a time, by start.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for turns in (self.turns, self.exclusive):
            if any(late.start < early.start for early, late in pairwise(turns)):
                raise ValueError("the turns are not in the order of their starts")
            if any(turn.speaker > self.speakers for turn in turns):
                raise ValueError("a turn has a speaker beyond their number")
        if any(late.start < early.end for early, late in pairwise(self.exclusive)):
            raise ValueError("exclusive turns overlap")
        return self


class Voice(BaseModel):
    """What one speaker of a recording sounds like."""

    model_config = _CONFIG

    speaker: int = Field(ge=1, description="Number of the speaker in this recording.")
    seconds: float = Field(ge=0, description="Speech that it was taken from (s).")
    vector: list[float] = Field(min_length=1, max_length=4096, description="At length 1: compare by the cosine.")


class Voices(Data):
    """What the speakers of a recording sound like. Biometric data: it tells people apart as a fingerprint does."""

    word: ClassVar[str] = "voices/1"
    secret: ClassVar[bool] = True

    encoder: str = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,63}$",
        description="What made the vectors; only those of one can be compared.",
    )
    voices: list[Voice] = Field(description="A voice for each speaker that was heard alone for long enough.")


class Word(_Span):
    """One spoken word."""

    text: str = Field(description="The word as written.")
    speaker: int | None = Field(None, ge=1, description="Number of the speaker.")
    channel: int | None = Field(None, ge=0, description="Channel.")
    confidence: Share | None = Field(None, description="Confidence.")


class Words(Data):
    """What was said, word by word."""

    word: ClassVar[str] = "words/1"

    language: str = Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", description="BCP 47 language tag.")
    words: list[Word] = Field(description="All words, by start.")


class Span(_Span):
    """A stretch in which something private is said."""

    type: str = Field("PRIVATE", pattern=r"^[A-Z]{2,16}$", description="What it is: PHONE, NAME, EMAIL …")
    number: int = Field(0, ge=0, description="The same for the same value of one type, from 1; 0 where nobody counted.")
    text: str = Field("", description="What is said.")


class Spans(Data):
    """Where something private is said. An end beyond that of the recording is its end."""

    word: ClassVar[str] = "spans/1"

    spans: list[Span] = Field(description="All stretches, by start; they may overlap.")
    reviewed: bool = Field(False, description="Whether somebody looked at them: to be set by whoever did.")


class Event(_Span):
    """Something that happened in the sound."""

    label: str = Field(description="What it is.")
    score: Share | None = Field(None, description="Probability.")
    channel: int | None = Field(None, ge=0, description="Channel.")


class Events(Data):
    """What happened when."""

    word: ClassVar[str] = "events/1"

    events: list[Event] = Field(description="All events, by start.")


class Measurement(BaseModel):
    """One measured value, of the whole recording or of a part of it."""

    model_config = _CONFIG

    name: Name = Field(description="What was measured, such as integrated_loudness.")
    value: float | bool | None = Field(description="The value; null where it is not defined (silence).")
    unit: str = Field("", pattern=r"^[A-Za-z%/]{0,12}$", description="Unit, such as LUFS; empty for a ratio or a flag.")
    channel: int | None = Field(None, ge=0, description="Channel; null for all of them together.")
    start: Seconds | None = Field(None, description="Start (s); null for the whole recording.")
    end: Seconds | None = Field(None, description="End (s); null for the whole recording.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("the end lies before the start")
        return self


class Measurements(Data):
    """What was measured. Numbers only, so it is clean."""

    word: ClassVar[str] = "measurements/1"
    clean: ClassVar[bool] = True

    measurements: list[Measurement] = Field(description="The values, in the order of measuring.")


PLAIN: tuple[type[Kind], ...] = (Audio, Image, Video, File, Text)
"""The kinds of files that the core knows."""
SCHEMAS: tuple[type[Data], ...] = (Turns, Words, Spans, Events, Measurements)
"""The data kinds every extension can count on."""


@dataclass(frozen=True)
class Many:
    """As an output: an ordered list of any length. As an input: everything that is there, gathered."""

    kind: type[Kind]


KindLike = type[Kind] | Many

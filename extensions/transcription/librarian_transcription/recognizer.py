"""What every family of models does: the one interface between them and what goes around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
RATE = 16000
"""Hz, of the sound that all of them take."""

Times = Literal["attention", "emissions", "durations"]
"""Where word times come from: the attention of a decoder, the emissions of CTC, the steps of a transducer."""


@dataclass(frozen=True)
class Token:
    """A piece of text and when it was said.

    Attributes:
        id: its number in the vocabulary.
        start: s from the beginning of the sound.
        end: s, no less than start.
        confidence: its probability, 0 to 1.
    """

    id: int
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Decoded:
    """What a model made of a sound.

    Attributes:
        tokens: in order, without special ones.
        text: what they say.
        likelihood: mean log probability of a token.
        no_speech: how probably nobody speaks, 0 to 1; 0 where the model does not tell.
    """

    tokens: Sequence[Token] = ()
    text: str = ""
    likelihood: float = 0.0
    no_speech: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """How to decode.

    Attributes:
        temperature: 0 for the likeliest token each time, else drawn: by torch's generator.
        no_repeat: no run of so many tokens may come twice; 0: any may.
    """

    temperature: float = 0.0
    no_repeat: int = 0


@dataclass(frozen=True)
class Traits:
    """What there is to know of a model.

    Attributes:
        family: a word for the record.
        longest: s of sound at once.
        bridged: pauses up to this long (s) may lie within one sound: where each costs the same, long ones pay.
        times: where word times come from.
        languages: tags that it can be told; empty: it cannot be told any.
        language: the one that it knows, or that it does not tell (`und`).
        detects: whether it finds the language out.
        retries: whether another attempt can come out differently.
    """

    family: str
    longest: float
    bridged: float
    times: Times
    languages: tuple[str, ...] = ()
    language: str = "und"
    detects: bool = False
    retries: bool = False


@dataclass(frozen=True)
class Encoded:
    """A sound as a model's first half left it.

    Attributes:
        state: of the model's own.
        seconds: length of the sound.
    """

    state: Any = field(repr=False)
    seconds: float


class Recognizer(Protocol):
    """A model that is loaded.

    Attributes:
        traits: what there is to know of it.
    """

    traits: Traits

    def encode(self, sounds: Sequence[Samples]) -> list[Encoded]:
        """The first half, of several sounds together.

        Shape:
            - sounds: `[frames]` each, at `RATE`
        """

    def languages_of(self, encoded: Sequence[Encoded]) -> list[Mapping[str, float]]:
        """For each the probabilities of languages, by tag; of models that find them out."""

    def decode(self, encoded: Sequence[Encoded], languages: Sequence[str], attempt: Attempt) -> list[Decoded]:
        """The second half, of several together, each in its language."""

    def spell(self, ids: Sequence[int]) -> str:
        """The text of tokens."""

"""Against what decoders make up: loops, sentences nobody said, words for silence.

As in Radford et al., Robust speech recognition via large-scale weak supervision (2022), 4.5: what compresses too well
repeats itself, what is too unlikely is made up, and both are decoded again, with more and more left to chance. Each
such attempt is made by itself, with a seed of its own, so that no batch changes it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from librarian_transcription.recognizer import Attempt, Decoded, Encoded, Recognizer

ATTEMPTS = (
    Attempt(),
    Attempt(no_repeat=3),
    Attempt(temperature=0.4, no_repeat=3),
    Attempt(temperature=0.7, no_repeat=3),
    Attempt(temperature=1.0, no_repeat=3),
)


@dataclass(frozen=True)
class Limits:
    """What is believed.

    Attributes:
        repetition: by how much a text may be compressed.
        likelihood: mean log probability of a token, at the least.
        silence: how probable it may be that nobody speaks, where the text is unlikely as well.
        attempts: how often it is tried, the first time included.
    """

    repetition: float = 2.4
    likelihood: float = -1.0
    silence: float = 0.6
    attempts: int = 5


@dataclass(frozen=True)
class Believed:
    """What came of it.

    Attributes:
        decoded: what is taken; nothing where nobody speaks.
        attempts: how many it took.
        doubtful: whether none was as it should be.
        silent: whether it was text for silence.
    """

    decoded: Decoded
    attempts: int = 1
    doubtful: bool = False
    silent: bool = False


def repetition(text: str) -> float:
    """How many times smaller a text becomes by compression.

    >>> repetition("no no no no no no no no no no no no no no no no ") > 2.4
    True
    >>> repetition("We are glad to welcome his gospel.") > 2.4
    False
    """
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def decode(
    recognizer: Recognizer,
    encoded: Sequence[Encoded],
    languages: Sequence[str],
    seeds: Sequence[int],
    limits: Limits,
) -> list[Believed]:
    """Decode several sounds together, and those again by themselves of which the first attempt is not believed.

    Args:
        recognizer: what decodes.
        encoded: the sounds.
        languages: of each.
        seeds: of each, for what is left to chance.
        limits: what is believed.
    """
    first = recognizer.decode(encoded, languages, ATTEMPTS[0])
    retries = recognizer.traits.retries
    return [
        _believed(recognizer, each, language, seed, limits, decoded) if retries else Believed(decoded)
        for each, language, seed, decoded in zip(encoded, languages, seeds, first, strict=True)
    ]


def _believed(
    recognizer: Recognizer, encoded: Encoded, language: str, seed: int, limits: Limits, first: Decoded
) -> Believed:
    import torch

    if not first.text.strip():
        return Believed(Decoded())
    unlikely = first.likelihood < limits.likelihood
    if unlikely and first.no_speech > limits.silence:
        return Believed(Decoded(no_speech=first.no_speech), silent=True)
    tried = [first]
    for number, attempt in enumerate(ATTEMPTS[1 : limits.attempts], 1):
        if _is_good(tried[-1], limits):
            break
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            tried += recognizer.decode([encoded], [language], attempt)
    doubtful = not _is_good(tried[-1], limits)
    taken = max(tried, key=lambda each: _rank(each, limits)) if doubtful else tried[-1]
    return Believed(taken, len(tried), doubtful)


def _is_good(decoded: Decoded, limits: Limits) -> bool:
    return repetition(decoded.text) <= limits.repetition and decoded.likelihood >= limits.likelihood


def _rank(decoded: Decoded, limits: Limits) -> tuple[bool, float]:
    """What does not repeat itself comes before what does, then the likeliest."""
    return repetition(decoded.text) <= limits.repetition, decoded.likelihood

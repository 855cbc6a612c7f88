"""Inputs made for a check: one of each kind that has a schema or a plain form, three seconds of the same scene."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from librarian.kinds import (
    Data,
    Event,
    Events,
    Measurement,
    Measurements,
    Span,
    Spans,
    Turn,
    Turns,
    Word,
    Words,
)
from librarian.workers import requests
from librarian.workers.messages import Message

SPOKEN = "Peter Jones"
"""The name that is said in texts and words; the spans cover it."""
HEARD = ("audio", "file")
"""Kinds for which a sound will do."""
Given = Message | Path | Data
"""What an input may be given as: a file, a `Data` object, or a message of `librarian.workers`."""

_SAID = (("I", 0.2), ("am", 0.5), ("Peter", 0.8), ("Jones", 1.2), ("good", 1.8), ("evening", 2.2))
_TURNS = [Turn(start=0.1, end=1.6, speaker=1), Turn(start=1.7, end=2.7, speaker=2)]
_MADE: dict[str, Data] = {
    made.word: made
    for made in (
        Turns(speakers=2, counted="given", turns=_TURNS, exclusive=_TURNS),
        Words(language="en", words=[Word(text=text, start=at, end=at + 0.25) for text, at in _SAID]),
        Spans(spans=[Span(start=0.8, end=1.45, type="NAME", number=1, text=SPOKEN)]),
        Events(events=[Event(start=0.2, end=2.4, label="speech", score=0.9)]),
        Measurements(measurements=[Measurement(name="integrated_loudness", value=-23.0, unit="LUFS")]),
    )
}


def sound(path: Path, seconds: float, rate: int, channels: int) -> Message:
    """A sound like a voice, as an input."""
    from librarian.media import write_audio
    from librarian.testing.sound import voice_like

    samples = voice_like(seconds, rate, channels=channels)
    write_audio(path, samples, rate, audio_format="wav", bits=16, seed=1)
    facts = {"sample_rate": rate, "frames": samples.shape[1], "channels": channels}
    return requests.source(path, "audio", "", facts)


def made(name: str, kind: str, folder: Path) -> Message | None:
    """An input of a kind other than sound; None for kinds that nothing is known of."""
    if kind == "text":
        path = folder / f"{name}.txt"
        path.write_text(f"I am {SPOKEN}, good evening.\n", encoding="utf-8")
    elif kind == "image":
        path = folder / f"{name}.png"
        path.write_bytes(_picture(16))
    else:
        document = next((each for word, each in _MADE.items() if kind in (word, Data.word)), None)
        return None if document is None else as_message(document, name, kind, folder)
    return requests.source(path, kind, "", {})


def as_message(given: Given, name: str, kind: str, folder: Path) -> Message:
    """An input as workers take it."""
    if isinstance(given, Data):
        path = folder / f"{name}.json"
        path.write_text(given.model_dump_json(), encoding="utf-8")
        return requests.source(path, type(given).word, "", {})
    if isinstance(given, Path):
        return requests.source(given, kind, "", _facts(given) if kind == "audio" else {})
    return given


def _facts(path: Path) -> dict[str, int]:
    from librarian.media import probe

    info = probe(path)
    return {"sample_rate": info.sample_rate, "frames": info.frames, "channels": info.channels}


def _picture(size: int) -> bytes:
    """A grey PNG, `size` times `size`."""
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * size) * size)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + word + data + struct.pack(">I", zlib.crc32(word + data)) for word, data in chunks
    )

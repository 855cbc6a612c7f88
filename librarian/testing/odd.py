"""Odd sounds: each is written to a path that is given. An operation takes them, or says of the recording what it is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

_FLOAT = 3


def _spoken(rate: int, channels: int, layout: str = "", seconds: float = 3.0) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from librarian.media import write_audio
        from librarian.testing.sound import voice_like

        samples = voice_like(seconds, rate, channels=channels)
        write_audio(path, samples, rate, layout=layout, audio_format="wav", bits=16, seed=1)

    return write


def _silent(path: Path) -> None:
    import numpy as np

    from librarian.media import write_audio

    write_audio(path, np.zeros((1, 48000), np.float32), 16000, audio_format="wav", bits=16, seed=1)


def _raw(form: int, bits: int, data: bytes) -> Callable[[Path], None]:
    """A WAVE file whose samples are as they are given."""

    def write(path: Path) -> None:
        each = bits // 8
        header = struct.pack("<HHIIHH", form, 1, 8000, 8000 * each, each, bits)
        chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
        path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)

    return write


SOUNDS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "mono": _spoken(16000, 1),
        "5.1": _spoken(48000, 6, "5.1"),
        "8 kHz": _spoken(8000, 1),
        "silent": _silent,
        "one sample": _raw(1, 16, b"\0\1"),
        "empty": _raw(1, 16, b""),
        "NaN": _raw(_FLOAT, 32, struct.pack("<8000f", *[float("nan")] * 8000)),
    }
)
"""What each is → what writes it."""

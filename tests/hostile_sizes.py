"""Small files that become large: what they cost is bounded by what may be decoded, not by what they claim."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostile_media import pcm, wav

FRAMES_OF_A_BLOCK = 65_535


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    value, top = 0, 1 << (bits - 1)
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & ((1 << bits) - 1)
    return value


def _coded(number: int) -> bytes:
    """A number as FLAC counts its frames, which is the way of UTF-8 (RFC 9639, 9.1.5)."""
    return chr(number).encode(errors="surrogatepass")


def _block(number: int) -> bytes:
    """A frame of one value; the value changes, so that it is no silence."""
    head = b"\xff\xf8\x70\x00" + _coded(number) + (FRAMES_OF_A_BLOCK - 1).to_bytes(2)
    head += bytes([_crc(head, 0x07, 8)])
    frame = head + b"\0" + (number % 2 * 4000).to_bytes(2)
    return frame + _crc(frame, 0x8005, 16).to_bytes(2)


def constant_flac(path: Path, hours: float, *, rate: int = 48_000, counted: bool = True) -> None:
    """Hours of sound in some kilobytes: every frame of 65,535 samples says one value (RFC 9639, 9.2.3)."""
    blocks = int(hours * 3600 * rate) // FRAMES_OF_A_BLOCK
    size = FRAMES_OF_A_BLOCK.to_bytes(2)
    total = blocks * FRAMES_OF_A_BLOCK if counted else 0
    form = (rate << 44 | 15 << 36 | total).to_bytes(8)
    info = size + size + bytes(6) + form + bytes(16)
    path.write_bytes(b"fLaC\x80" + len(info).to_bytes(3) + info + b"".join(map(_block, range(blocks))))


def sparse_wav(path: Path, size: int) -> None:
    """A WAV whose samples are a hole in the disk."""
    path.write_bytes(wav(pcm(1000), claimed=0xFFFFFFFF))
    os.truncate(path, size)


@dataclass(frozen=True)
class Large:
    """How it is made, and whether it is read."""

    make: Callable[[Path], None]
    good: bool


SIZES = {
    "an hour of FLAC": Large(lambda path: constant_flac(path, 1), True),
    "three hours of FLAC": Large(lambda path: constant_flac(path, 3), True),
    "three hours of FLAC that does not say so": Large(lambda path: constant_flac(path, 3, counted=False), True),
    "seven hours of FLAC": Large(lambda path: constant_flac(path, 7), False),
    "a hundred hours of FLAC that does not say so": Large(lambda path: constant_flac(path, 100, counted=False), False),
    "a WAV of 1 GiB that is a hole": Large(lambda path: sparse_wav(path, 1 << 30), True),
    "a WAV of 100 GiB that is a hole": Large(lambda path: sparse_wav(path, 100 << 30), False),
}

"""A WAV file: written by ourselves, so that it says the places of its channels, what the disk said, and holds 4 GiB.

Beyond 4 GiB it becomes an RF64 (EBU Tech 3306), for which a JUNK chunk keeps the room. No tag, no clock.
"""

from __future__ import annotations

import struct
from io import FileIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.media.layouts import MASKS

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = bytes.fromhex("00001000800000aa00389b71")  # the rest of KSDATAFORMAT_SUBTYPE_…
_MOST = 0xFFFFFFFF
LARGEST = _MOST - 1  # bytes of a RIFF: the number above says that they stand elsewhere
_DS64_BYTES = 28
MOST_CHANNELS = 1024  # that libsndfile reads


class WavFile:
    """A WAV file that is being written.

    Args:
        file: an empty one.
        rate: sample rate (Hz).
        channels: number of channels.
        bits: 16, 24, or 32 for float.
        layout: one of `MASKS`, or empty.

    Raises:
        ValueError: a WAV cannot hold it.
        OSError: the disk refused it.
    """

    def __init__(self, file: FileIO, rate: int, channels: int, bits: int, layout: str) -> None:
        if not (1 <= channels <= MOST_CHANNELS and 1 <= rate * channels * bits // 8 <= _MOST):
            raise ValueError(f"wav cannot hold {channels} channels at {rate} Hz")
        self._file, self._rate, self._channels, self._bits, self._layout = file, rate, channels, bits, layout
        self._frames = 0
        self._put(self._head())

    def put(self, block: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float32]) -> None:
        """Add a block, `[frames, channels]`: int16, 24 bits in the upper ones of int32, or float32."""
        little: NDArray[Any] = block.astype(block.dtype.newbyteorder("<"), copy=False)
        self._put((_packed(little) if self._bits == 24 else little).data.cast("B"))  # noqa: PLR2004
        self._frames += len(block)

    def finish(self) -> None:
        """Say how long it has become."""
        if self._bytes() % 2:
            self._put(b"\0")
        self._file.seek(0)
        self._put(self._head())

    def close(self) -> None:
        """Let go of it as it is."""

    def _put(self, content: bytes | memoryview) -> None:
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]

    def _bytes(self) -> int:
        return self._frames * self._channels * self._bits // 8

    def _head(self) -> bytes:
        form, size = self._form(), self._bytes()
        fact = _chunk(b"fact", struct.pack("<I", min(self._frames, _MOST))) if self._bits == 32 else b""  # noqa: PLR2004
        inside = 4 + 8 + _DS64_BYTES + len(form) + len(fact) + 8 + size + size % 2
        if inside <= LARGEST:
            room = _chunk(b"JUNK", bytes(_DS64_BYTES))
            return (
                b"RIFF" + struct.pack("<I", inside) + b"WAVE" + room + form + fact + b"data" + struct.pack("<I", size)
            )
        room = _chunk(b"ds64", struct.pack("<QQQI", inside, size, self._frames, 0))
        most = struct.pack("<I", _MOST)
        return b"RF64" + most + b"WAVE" + room + form + fact + b"data" + most

    def _form(self) -> bytes:
        step = self._channels * self._bits // 8
        word = _FLOAT if self._bits == 32 else _PCM  # noqa: PLR2004
        places = (self._channels, self._rate, self._rate * step, step, self._bits)
        if self._channels <= 2:  # noqa: PLR2004
            more = b"\0\0" if word == _FLOAT else b""
            return _chunk(b"fmt ", struct.pack("<HHIIHH", word, *places) + more)
        more = struct.pack("<HHI", 22, self._bits, MASKS.get(self._layout, 0)) + struct.pack("<I", word) + _SUBFORMAT
        return _chunk(b"fmt ", struct.pack("<HHIIHH", _EXTENSIBLE, *places) + more)


def _packed(block: NDArray[Any]) -> NDArray[np.uint8]:
    """The upper three bytes of each sample; by bytes, for numpy copies three at a time very slowly."""
    places = block.view(np.uint8).reshape(-1, 4)
    packed = np.empty((len(places), 3), np.uint8)
    for byte in range(3):
        packed[:, byte] = places[:, byte + 1]
    return packed


def _chunk(word: bytes, content: bytes) -> bytes:
    return word + struct.pack("<I", len(content)) + content

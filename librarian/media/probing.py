"""From a path to what a sound file says of itself.

An archive of small files is probed as often as it is worked on. So the header that most recorders write, PCM in a WAV
whose samples begin at byte 44, is read here, with nothing imported and one system call for its content; all else is
left to the libraries.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from librarian.files import open_regular
from librarian.media import layouts
from librarian.media.info import AudioInfo

_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
"""RIFF, its size, "WAVEfmt ", 16, format, channels, sample rate, bytes a second and a frame, bits, "data", its size."""
_PCM, _FORMAT_BYTES, _MOST_CHANNELS, _MOST_RATE = 1, 16, 2, 1 << 31
_CODECS = {8: "pcm_u8", 16: "pcm_16", 24: "pcm_24", 32: "pcm_32"}


def probe(path: Path | str) -> AudioInfo:
    """What a sound file, or the best sound of a video file, says of itself.

    Raises:
        UnusableInputError: it is no sound file that we read, or holds no frame of sound.
        OSError: it cannot be opened.
    """
    handle = open_regular(path)
    try:
        plain = plain_wav(os.pread(handle, _HEADER.size, 0), os.fstat(handle).st_size)
    finally:
        os.close(handle)
    if plain is not None:
        return plain
    from librarian.media import reading  # which loads numpy

    return reading.probe(Path(path))


def plain_wav(header: bytes, file_bytes: int) -> AudioInfo | None:
    """What the plainest header of a WAV says; None where anything about it is other than usual.

    Args:
        header: the first 44 bytes.
        file_bytes: size of the file: no frame is believed that it does not hold.
    """
    if len(header) < _HEADER.size:
        return None
    riff, _, wave, rest, kind, channels, rate, _, frame, bits, data, size = _HEADER.unpack(header)
    if (riff, wave, rest, kind, data) != (b"RIFF", b"WAVEfmt ", _FORMAT_BYTES, _PCM, b"data"):
        return None
    usual = 1 <= channels <= _MOST_CHANNELS and 0 < rate < _MOST_RATE and frame == channels * bits // 8
    if bits not in _CODECS or not usual or size % frame or not 0 < size <= file_bytes - _HEADER.size:
        return None
    return AudioInfo("wav", _CODECS[bits], rate, channels, size // frame, True, layouts.usual(channels))

"""How much sound the header of a WAV, AIFF or AU says that there is, where the file holds less.

libsndfile reads what is there and says nothing. But a header that was finished by whoever wrote the file, and states
more than the file holds, tells of a copy that broke off. A recorder whose power fails has not finished its header: it
says nothing, or the most that a header can.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from io import FileIO

UNFINISHED = 0x7FFF0000
"""Bytes. What a writer claims that does not know the length yet: about 2 GiB, or 4."""

_MOST_CHUNKS = 64
_SOUND = {b"RIFF": (b"data", "<I", 0), b"FORM": (b"SSND", ">I", 8)}
"""The chunk with the sound, how its size is written, and what it holds before the sound (bytes)."""
_AU = b".snd"


def missing_share(file: FileIO) -> float:
    """Which part of the sound that its header states a file does not hold, 0 to 1; 0 where it is not known."""
    end = os.fstat(file.fileno()).st_size
    for start, claimed in _stated(file):
        held = end - start
        return (claimed - held) / claimed if held < claimed < UNFINISHED else 0.0
    return 0.0


def _stated(file: FileIO) -> Iterator[tuple[int, int]]:
    """Where the sound begins, and how many bytes of it the header states; nothing where the file is of another kind."""
    head = os.pread(file.fileno(), 12, 0)
    if len(head) == 12 and head[:4] == _AU:  # noqa: PLR2004
        yield struct.unpack(">II", head[4:])
    if head[:4] not in _SOUND:
        return
    word, size_form, before = _SOUND[head[:4]]
    place = len(head)
    for _ in range(_MOST_CHUNKS):
        chunk = os.pread(file.fileno(), 8, place)
        if len(chunk) < 8:  # noqa: PLR2004
            return
        (size,) = struct.unpack(size_form, chunk[4:])
        place += len(chunk)
        if chunk[:4] == word:
            yield place + before, size - before
            return
        place += size + size % 2

"""Parts of a file, and how they are read."""

from __future__ import annotations

import io
import re
import struct
from typing import BinaryIO, NamedTuple

from librarian.errors import UnusableInputError

MOST_PARTS = 4_000_000
"""In one file; it is refused beyond."""
LARGEST_READ = 64 << 20
"""Bytes of a part that are ever held in memory."""


class Part(NamedTuple):
    """A stretch of a file.

    Args:
        start: its first byte.
        end: behind its last byte.
        place: what it is, in words of its format: never a text out of the file.
        needed: whether sound or picture needs it.
        instead: what stands in its place in a file without metadata; None for the bytes themselves if they are needed,
            and for nothing if they are not.
    """

    start: int
    end: int
    place: str
    needed: bool
    instead: bytes | None = None


class Source:
    """A file that is walked through.

    Args:
        file: open for reading in binary, not buffered or buffered.
        size: how many bytes it holds.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size

    def read(self, start: int, count: int) -> bytes:
        """Some bytes, all of them.

        Raises:
            UnusableInputError: the file ends before.
        """
        if count < 0 or start + count > self.size:
            raise cut_short()
        if count > LARGEST_READ:
            raise UnusableInputError("unsupported", "a part of it that is no sound or picture is too large")
        self._file.seek(start, io.SEEK_SET)
        content = self._file.read(count)
        if len(content) != count:
            raise cut_short()
        return content

    def peek(self, start: int, count: int) -> bytes:
        """Some bytes, as far as there are any."""
        return self.read(start, max(0, min(count, self.size - start)))

    def number(self, start: int, form: str) -> int:
        """A number, in the way of `struct`."""
        (found,) = struct.unpack(form, self.read(start, struct.calcsize(form)))
        return int(found)

    def is_zero(self, start: int, end: int) -> bool:
        """Whether a stretch is nothing but zero bytes."""
        while start < end:
            step = min(1 << 20, end - start)
            if self.read(start, step).count(0) != step:
                return False
            start += step
        return True


def cut_short() -> UnusableInputError:
    """For a file that ends too early."""
    return UnusableInputError("corrupt", "its parts are not what its header says")


_VENDOR = re.compile(
    rb"(?:(?:reference )?libFLAC|Lavf|Lavc|ffmpeg|Xiph\.Org libVorbis I|libopus|LAME|libwebm|libebml|libmatroska)?"
    rb"(?:[ v]?[0-9][0-9.]{0,15}){0,3}(?: \([A-Z][a-z]{2,16}(?: [A-Z][a-z]{2,16})?\))?"
)
_COMMENTS_NEEDED = re.compile(rb"(?i)WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x[0-9a-f]{1,8}|language=[a-z]{3}")
_MOST_COMMENTS = 100_000


def is_vendor(text: bytes) -> bool:
    """Whether it is the name of a library that writes files, with its version, or nothing."""
    return len(text) <= 80 and bool(_VENDOR.fullmatch(text))  # noqa: PLR2004


def comments_needed(block: bytes) -> tuple[bytes, bool]:
    """A Vorbis comment with what is needed of it, and whether that is all that it holds.

    Kept are the places of channels, the language (ISO 639-2), and the vendor where it is a library.

    Raises:
        UnusableInputError: it is no Vorbis comment.
    """
    try:
        (length,) = struct.unpack_from("<I", block)
        vendor = block[4 : 4 + length]
        place = 4 + length
        (count,) = struct.unpack_from("<I", block, place)
        place += 4
        kept, found = [], 0
        for _ in range(min(count, _MOST_COMMENTS + 1)):
            (size,) = struct.unpack_from("<I", block, place)
            comment = block[place + 4 : place + 4 + size]
            place += 4 + size
            found += 1
            if _COMMENTS_NEEDED.fullmatch(comment):
                kept.append(comment)
    except struct.error:
        raise cut_short() from None
    vendor_kept = vendor if is_vendor(vendor) else b""
    body = b"".join(struct.pack("<I", len(each)) + each for each in kept)
    clean = struct.pack("<I", len(vendor_kept)) + vendor_kept + struct.pack("<I", len(kept)) + body
    rest = block[place:].strip(b"\0\x01")  # Vorbis ends its own with a bit
    return clean, vendor == vendor_kept and found == len(kept) and not rest

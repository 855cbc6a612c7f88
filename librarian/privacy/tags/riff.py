"""WAV (RIFF, RF64, BW64) and WebP: chunks by an allow-list. EBU Tech 3306; developers.google.com/speed/webp."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags import exif, icc
from librarian.privacy.tags.part import Part, Source

_OPEN_ENDED = 0xFFFFFFFF
_WAV = frozenset({b"fmt ", b"fact", b"data", b"ds64"})
_FILLERS = frozenset({b"JUNK", b"junk", b"PAD ", b"FLLR"})
_LONGEST_FORMAT = 128
"""Bytes of `fmt ` that a codec may need."""
_WEBP = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM"})
_EXIF_FLAG, _XMP_FLAG, _ICC_FLAG, _VP8X_FLAGS = 0x08, 0x04, 0x20, 0x3E
_FRAME_HEADER = 16


def wav_parts(source: Source) -> Iterator[Part]:
    """The parts of a WAV; sizes in its header are those of what is needed.

    Raises:
        UnusableInputError: it is damaged, or holds a list of pieces of sound.
    """
    chunks = list(_chunks(source, 12, _data_size(source)))
    kept = [each for each in chunks if each.needed]
    if not any(each.place == "data" for each in kept) or not any(each.place == "fmt " for each in kept):
        raise UnusableInputError("corrupt", "a wav without sound or without its form")
    inside = 4 + sum(each.end - each.start for each in kept)
    word = source.read(0, 4)
    long = word in (b"RF64", b"BW64")
    sized = _OPEN_ENDED if long or inside >= _OPEN_ENDED else inside
    yield Part(0, 12, "header", True, word + struct.pack("<I", sized) + b"WAVE")
    for each in chunks:
        if each.place == "ds64":
            head = source.read(each.start, each.end - each.start)
            rest = head[16:32] + struct.pack("<I", 0)  # no table: it is of chunks that are gone
            yield each._replace(instead=b"ds64" + struct.pack("<IQ", 28, inside - len(head) + 36) + rest)
        else:
            yield each


def _data_size(source: Source) -> int | None:
    """Bytes of sound as `ds64` says them."""
    if source.peek(12, 4) == b"ds64":
        return source.number(28, "<Q")
    return None


def _chunks(source: Source, start: int, data: int | None) -> Iterator[Part]:
    while start < source.size:
        if source.size - start < 8:  # noqa: PLR2004
            yield Part(start, source.size, "what is behind the last chunk", False)
            return
        word, size = source.read(start, 4), source.number(start + 4, "<I")
        if word == b"wavl":
            raise UnusableInputError("unsupported", "a wav that is a list of pieces")
        left = source.size - start - 8
        if word == b"data" and (size == _OPEN_ENDED or size > left):
            size = min(data if data is not None and size == _OPEN_ENDED else left, left)
        if size > left:
            yield Part(start, source.size, "a chunk that was cut off", False)
            return
        end = min(start + 8 + size + size % 2, source.size)
        yield Part(start, end, word.decode("latin-1"), _is_needed(source, word, start + 8, size))
        start = end


def _is_needed(source: Source, word: bytes, start: int, size: int) -> bool:
    if word == b"fmt ":
        return size <= _LONGEST_FORMAT
    return word in _WAV or (word in _FILLERS and source.is_zero(start, start + size))


def webp_parts(source: Source) -> Iterator[Part]:
    """The parts of a WebP. Of a profile the numbers are kept, of EXIF the orientation."""
    chunks = list(_webp_chunks(source))
    sizes = (len(each.instead) if each.instead is not None else each.end - each.start for each in chunks if each.needed)
    yield Part(0, 12, "header", True, b"RIFF" + struct.pack("<I", 4 + sum(sizes)) + b"WEBP")
    has_exif = any(each.place == "EXIF" and each.needed for each in chunks)
    has_profile = any(each.place == "ICCP" and each.needed for each in chunks)
    for each in chunks:
        if each.place == "VP8X":
            flags = source.read(each.start + 8, 1)[0] & _VP8X_FLAGS & ~(_EXIF_FLAG | _XMP_FLAG | _ICC_FLAG)
            flags |= _EXIF_FLAG * has_exif | _ICC_FLAG * has_profile
            size = source.read(each.start + 12, 6)
            yield each._replace(instead=b"VP8X" + struct.pack("<IB", 10, flags) + bytes(3) + size)
        else:
            yield each


def _webp_chunks(source: Source) -> Iterator[Part]:
    stated = min(source.size, 8 + source.number(4, "<I"))
    start = 12
    while start + 8 <= stated:
        word, size = source.read(start, 4), source.number(start + 4, "<I")
        if size > source.size - start - 8:
            raise UnusableInputError("corrupt", "a webp that was cut off")
        end = min(start + 8 + size + size % 2, source.size)
        yield _webp_chunk(source, word, start, end, size)
        start = end
    if start < source.size:
        yield Part(start, source.size, "what is behind the last chunk", False)


def _webp_chunk(source: Source, word: bytes, start: int, end: int, size: int) -> Part:
    place = word.decode("latin-1")
    if word == b"VP8X" and size != 10:  # noqa: PLR2004
        raise UnusableInputError("corrupt", "a webp with a header of another length")
    if word in _WEBP or word == b"VP8X":
        return Part(start, end, place, True)
    if word == b"ANMF":
        return Part(start, end, place, True, _frame(source, start + 8, size))
    if word == b"ICCP":
        return Part(start, end, place, True, _chunk(word, icc.numbers_of(source.read(start + 8, size))))
    if word == b"EXIF" and (needed := exif.needed_of(source.read(start + 8, size))):
        return Part(start, end, place, True, _chunk(word, needed))
    return Part(start, end, place, False)


def _frame(source: Source, start: int, size: int) -> bytes:
    """A frame of an animation, with its picture and nothing else."""
    kept, place = [source.read(start, _FRAME_HEADER)], start + _FRAME_HEADER
    while place + 8 <= start + size:
        word, length = source.read(place, 4), source.number(place + 4, "<I")
        length += length % 2
        if word in (b"VP8 ", b"VP8L", b"ALPH"):
            kept.append(source.read(place, 8 + length))
        place += 8 + length
    return _chunk(b"ANMF", b"".join(kept))


def _chunk(word: bytes, content: bytes) -> bytes:
    return word + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

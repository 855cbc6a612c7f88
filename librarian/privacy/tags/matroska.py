"""Matroska and WebM (RFC 9559): elements by an allow-list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags.part import MOST_PARTS, Part, Source, is_vendor

_SEGMENT, _CLUSTER, _TRACK, _TAGS, _TAG_NAME, _TAG_STRING = 0x18538067, 0x1F43B675, 0xAE, 0x1254C367, 0x45A3, 0x4487
_MASTERS = {
    0x1A45DFA3: "EBML",
    _SEGMENT: "Segment",
    0x114D9B74: "SeekHead",
    0x4DBB: "Seek",
    0x1549A966: "Info",
    0x1654AE6B: "Tracks",
    _TRACK: "TrackEntry",
    0xE0: "Video",
    0xE1: "Audio",
    0x55B0: "Colour",
    0x55D0: "MasteringMetadata",
    0x7670: "Projection",
    _CLUSTER: "Cluster",
    0xA0: "BlockGroup",
    0x75A1: "BlockAdditions",
    0xA6: "BlockMore",
    0x1C53BB6B: "Cues",
    0xBB: "CuePoint",
    0xB7: "CueTrackPositions",
    0x6D80: "ContentEncodings",
    0x6240: "ContentEncoding",
    0x5034: "ContentCompression",
    _TAGS: "Tags",
    0x7373: "Tag",
    0x63C0: "Targets",
    0x67C8: "SimpleTag",
}
_NUMBERS = frozenset(
    {
        *(0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4282, 0x4287, 0x4285, 0x53AB, 0x53AC, 0x2AD7B1, 0x4489, 0xD7, 0x73C5, 0x83),
        *(0xB9, 0x88, 0x55AA, 0x9C, 0x6DE7, 0x6DF8, 0x23E383, 0x234E7A, 0x23314F, 0x537F, 0x55EE, 0x22B59C, 0x22B59D),
        *(0x86, 0x63A2, 0xAA, 0x6FAB, 0x56AA, 0x56BB, 0x9A, 0x9D, 0x53B8, 0x53C0, 0x53B9, 0xB0, 0xBA, 0x54AA, 0x54BB),
        *(0x54CC, 0x54DD, 0x54B0, 0x54BA, 0x54B2, 0x54B3, 0x2EB524, 0x2FB523, 0x2383E3, 0xB5, 0x78B5, 0x9F, 0x7D7B),
        *(0x6264, 0x52F1, 0x55B1, 0x55B2, 0x55B3, 0x55B4, 0x55B5, 0x55B6, 0x55B7, 0x55B8, 0x55B9, 0x55BA, 0x55BB),
        *(0x55BC, 0x55BD, 0x55D1, 0x55D2, 0x55D3, 0x55D4, 0x55D5, 0x55D6, 0x55D7, 0x55D8, 0x55D9, 0x55DA, 0x7671),
        *(0x7672, 0x7673, 0x7674, 0x7675, 0xE7, 0x58D7, 0xA7, 0xAB, 0xA3, 0xA1, 0x9B, 0xFA, 0xFB, 0xA4, 0x75A2, 0xA5),
        *(0xEE, 0xB3, 0xF7, 0xF1, 0xF0, 0xB2, 0x5378, 0xEA, 0xDB, 0x5031, 0x5032, 0x5033, 0x4254, 0x4255, 0xBF),
        *(0x68CA, 0x63C5, 0x447A, 0x4484),
    }
)
_VENDORS = (0x4D80, 0x5741)
_VOID = 0xEC
_OF_SEGMENTS = frozenset({0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, _TAGS, 0x1043A770, 0x1941A469})
_TYPES = (1, 2)
_CLOCK = re.compile(rb"\d{2,4}:\d\d:\d\d\.\d{1,9}\0*")
_LONGEST_STRING = 64


def matroska_parts(source: Source) -> Iterator[Part]:
    """The elements of a Matroska."""
    for number, part in enumerate(_elements(source, 0, source.size, 0)):
        if number > MOST_PARTS:
            raise UnusableInputError("unsupported", "a matroska of too many parts")
        yield part


def _elements(source: Source, start: int, end: int, parent: int) -> Iterator[Part]:
    while start < end:
        word, size, inside = _head(source, start)
        if parent == _CLUSTER and word in _OF_SEGMENTS:
            return  # a cluster of no stated length ends here
        if size is None and word not in (_SEGMENT, _CLUSTER):
            raise UnusableInputError("corrupt", "a matroska whose parts have no length")
        stop = end if size is None else inside + size
        if stop > end:
            raise UnusableInputError("corrupt", "a matroska that was cut off")
        if word in _MASTERS and not (word == _TRACK and _type(source, inside, stop) not in _TYPES):
            yield Part(start, inside, _MASTERS[word], True)
            place = inside
            for part in _elements(source, inside, stop, word):
                place = part.end
                yield part
            start = place if size is None else stop
        else:
            yield Part(start, stop, _name(word), _is_needed(source, word, inside, stop))
            start = stop


def _head(source: Source, start: int) -> tuple[int, int | None, int]:
    """Word, length (None: not stated) and the start of the content."""
    head = source.peek(start, 12)
    size = _length(head, 0)
    word = int.from_bytes(head[:size], "big")
    more = _length(head, size)
    value = int.from_bytes(head[size : size + more], "big") & ~(1 << 7 * more)
    return word, None if value == (1 << 7 * more) - 1 else value, start + size + more


def _length(head: bytes, place: int) -> int:
    """Bytes of a number of variable length."""
    if place >= len(head) or not head[place]:
        raise UnusableInputError("corrupt", "a matroska that was cut off")
    length = 9 - head[place].bit_length()
    if place + length > len(head):
        raise UnusableInputError("corrupt", "a matroska that was cut off")
    return length


def _type(source: Source, start: int, end: int) -> int:
    """What a track is of: 1 pictures, 2 sound."""
    while start < end:
        word, size, inside = _head(source, start)
        if word == 0x83:  # noqa: PLR2004
            return int.from_bytes(source.read(inside, size or 0), "big")
        start = inside + (size or 0)
    return 0


def _name(word: int) -> str:
    if word == _TRACK:
        return "a track of no sound or picture"
    return {0x1043A770: "Chapters", 0x1941A469: "Attachments", 0x7BA9: "Title", 0x4461: "DateUTC"}.get(
        word, f"{word:X}"
    )


def _is_needed(source: Source, word: int, start: int, end: int) -> bool:
    if word == _VOID:
        return source.is_zero(start, end)
    if word in _VENDORS:
        return is_vendor(source.peek(start, min(_LONGEST_STRING + 32, end - start)).rstrip(b"\0"))
    if word == _TAG_NAME:
        return source.peek(start, min(_LONGEST_STRING, end - start)).rstrip(b"\0") == b"DURATION"
    if word == _TAG_STRING:
        return end - start < _LONGEST_STRING and bool(_CLOCK.fullmatch(source.read(start, end - start)))
    return word in _NUMBERS

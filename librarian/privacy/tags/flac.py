"""FLAC (RFC 9639): its form and its table of places stay, comments and pictures go."""

from __future__ import annotations

from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags import mpeg
from librarian.privacy.tags.part import Part, Source, comments_needed

_STREAMINFO, _PADDING, _SEEKTABLE, _COMMENT = 0, 1, 3, 4
_NAMES = {0: "STREAMINFO", 1: "PADDING", 2: "APPLICATION", 3: "SEEKTABLE", 4: "VORBIS_COMMENT", 5: "CUESHEET"}
_LAST = 0x80


def flac_parts(source: Source) -> Iterator[Part]:
    """The parts of a FLAC, an ID3 before it and tags behind it included."""
    start = mpeg.end_of_id3(source, 0)
    if start:
        yield Part(0, start, "ID3v2", False)
    if source.peek(start, 4) != b"fLaC":
        raise UnusableInputError("corrupt", "no flac behind its tag")
    blocks, sound = _blocks(source, start + 4)
    last = max((number for number, each in enumerate(blocks) if each.needed), default=-1)
    if last < 0 or blocks[0].place != "STREAMINFO":
        raise UnusableInputError("corrupt", "a flac without its form")
    yield Part(start, start + 4, "header", True)
    for number, each in enumerate(blocks):
        content = source.read(each.start, each.end - each.start) if each.instead is None else each.instead
        if not each.needed:
            yield each
        else:
            yield each._replace(instead=bytes([content[0] & ~_LAST | _LAST * (number == last)]) + content[1:])
    end = mpeg.start_of_tail(source, sound)
    yield Part(sound, end, "frames", True)
    if end < source.size:
        yield Part(end, source.size, "tags behind the sound", False)


def _blocks(source: Source, start: int) -> tuple[list[Part], int]:
    """The blocks of metadata, and where the sound begins."""
    found: list[Part] = []
    while True:
        head = source.read(start, 4)
        kind, end = head[0] & ~_LAST, start + 4 + int.from_bytes(head[1:], "big")
        if end > source.size:
            raise UnusableInputError("corrupt", "a flac that was cut off")
        found.append(_block(source, kind, start, end))
        start = end
        if head[0] & _LAST:
            return found, start


def _block(source: Source, kind: int, start: int, end: int) -> Part:
    place = _NAMES.get(kind, "PICTURE" if kind == 6 else "another block")  # noqa: PLR2004
    if kind == _COMMENT:
        content = source.read(start + 4, end - start - 4)
        needed, whole = comments_needed(content)
        if whole:
            return Part(start, end, place, True)
        return Part(start, end, place, True, bytes([kind]) + len(needed).to_bytes(3, "big") + needed)
    if kind == _PADDING:
        return Part(start, end, place, source.is_zero(start + 4, end))
    return Part(start, end, place, kind in (_STREAMINFO, _SEEKTABLE))

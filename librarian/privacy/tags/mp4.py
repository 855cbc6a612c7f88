"""MP4, M4A and QuickTime (ISO/IEC 14496-12): boxes by an allow-list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags.part import MOST_PARTS, Part, Source, is_vendor

_CONTAINERS = frozenset(b"moov trak mdia minf dinf stbl edts mvex moof traf mfra tref".split())
_NEEDED = frozenset(
    b"ftyp styp mvhd tkhd mdhd hdlr vmhd smhd nmhd gmhd dref elst stsd stts ctts stss stsc stsz stz2 stco co64 sdtp "
    b"cslg stsh stps padb sgpd sbgp saiz saio subs trex mehd mfhd tfhd tfdt trun tfra mfro sidx ssix mdat chap".split()
)
_FILLERS = frozenset(b"free skip wide".split())
_OF_ENTRIES = frozenset(
    b"esds avcC hvcC lhvC vvcC av1C vpcC dOps dfLa alac dac3 dac4 dec3 btrt pasp clap colr chan chnl wave fiel gama "
    b"mdcv clli SmDm CoLL cclv glbl srat enda frma dvcC dvvC dvwC st3d jp2h d263 damr mp4a".split()
)
_CLOCKS = {b"mvhd": (4, 8), b"tkhd": (4, 8), b"mdhd": (4, 8)}
"""Where the two times stand in a header of version 0; in one of version 1 they are twice as long."""
_HANDLERS = re.compile(rb"[\x0b\x0c]?(?:Sound|Video|Data)Handler|Core Media (?:Audio|Video)|")
_NO_TAGS = re.compile(rb"\0{3}.meta\0{7}.hdlr\0{8}mdirappl\0{8,12}\0*\x08ilst", re.DOTALL)
"""What FFmpeg's libraries write where there are no tags."""
_DEEPEST, _LONGEST_EMPTY = 12, 80
_SOUND, _PICTURE = b"soun", b"vide"


def mp4_parts(source: Source) -> Iterator[Part]:
    """The boxes of an MP4."""
    for number, part in enumerate(_boxes(source, 0, source.size, 0)):
        if number > MOST_PARTS:
            raise UnusableInputError("unsupported", "an mp4 of too many parts")
        yield part


def _boxes(source: Source, start: int, end: int, depth: int) -> Iterator[Part]:
    while start < end:
        if end - start < 8:  # noqa: PLR2004
            yield Part(start, end, "what is behind the last box", source.is_zero(start, end))
            return
        size, word, inside = _head(source, start, end)
        if word in _CONTAINERS and depth < _DEEPEST:
            yield from _container(source, start, inside, size, word, depth)
        else:
            yield Part(start, size, word.decode("latin-1"), _is_needed(source, word, inside, size))
        start = size


def _head(source: Source, start: int, end: int) -> tuple[int, bytes, int]:
    """Where a box ends, its word, where its content begins."""
    size, word, inside = source.number(start, ">I"), source.read(start + 4, 4), start + 8
    if size == 1:
        size, inside = source.number(inside, ">Q"), start + 16
    stop = end if size == 0 else start + size
    if not inside <= stop <= end:
        raise UnusableInputError("corrupt", "an mp4 that was cut off")
    return stop, word, inside


def _container(source: Source, start: int, inside: int, end: int, word: bytes, depth: int) -> Iterator[Part]:
    if word == b"trak" and _handler(source, inside, end) not in (_SOUND, _PICTURE):
        yield Part(start, end, "a track of no sound or picture", False)
        return
    yield Part(start, inside, word.decode("latin-1"), True)
    yield from _boxes(source, inside, end, depth + 1)


def _handler(source: Source, start: int, end: int) -> bytes:
    """What a track is of."""
    while start + 8 <= end:
        stop, word, inside = _head(source, start, end)
        if word == b"mdia":
            return _handler(source, inside, stop)
        if word == b"hdlr":
            return source.peek(inside + 8, 4)
        start = stop
    return b""


def _is_needed(source: Source, word: bytes, start: int, end: int) -> bool:
    if word in _FILLERS:
        return source.is_zero(start, end)
    if word in _CLOCKS:
        first, behind = _CLOCKS[word]
        times = 2 * (behind - first) * (1 + (source.peek(start, 1) == b"\1"))
        return not source.peek(start + first, times).strip(b"\0")
    if word == b"udta":
        return end - start <= _LONGEST_EMPTY and bool(_NO_TAGS.fullmatch(source.read(start, end - start)))
    if word == b"hdlr":
        return bool(_HANDLERS.fullmatch(source.read(start + 24, max(0, end - start - 24)).rstrip(b"\0")))
    if word == b"stsd":
        return all(_entry_is_needed(source, *each) for each in _entries(source, start + 8, end))
    return word in _NEEDED


def _entries(source: Source, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start + 8 <= end:
        stop, _, inside = _head(source, start, end)
        yield inside, stop
        start = stop


def _entry_is_needed(source: Source, start: int, end: int) -> bool:
    """Whether a sample entry has no text and no box that is not known."""
    head = source.peek(start, min(78, end - start))
    name = head[43 : 43 + head[42]] if len(head) == 78 else b""  # noqa: PLR2004
    for boxes in (78, 28, 44, 64):  # of pictures; of sound in the versions 0, 1 and 2
        if start + boxes > end:
            continue
        words = _words(source, start + boxes, end)
        if words is not None:
            is_picture = boxes == 78  # noqa: PLR2004
            return words <= _OF_ENTRIES and (not is_picture or is_vendor(name.rstrip(b"\0")))
    return False


def _words(source: Source, start: int, end: int) -> set[bytes] | None:
    """The boxes of a sample entry; None where there are none at that place. A colour profile holds text."""
    found: set[bytes] = set()
    while start + 8 <= end:
        size, word = source.number(start, ">I"), source.read(start + 4, 4)
        if size < 8 or start + size > end or not word.isalnum():  # noqa: PLR2004
            return None
        is_profile = word == b"colr" and source.peek(start + 8, 4) not in (b"nclx", b"nclc")
        found.add(b"prof" if is_profile else word)
        start += size
    return found if source.is_zero(start, end) else None

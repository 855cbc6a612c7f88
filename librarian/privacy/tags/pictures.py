"""PNG (W3C PNG, third edition) and JPEG (ITU-T T.81, JFIF): what pixels and their colours need, and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress

from librarian.errors import UnusableInputError
from librarian.privacy.tags import exif, icc
from librarian.privacy.tags.part import Part, Source

_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB sBIT bKGD pHYs hIST acTL fcTL fdAT cICP mDCV cLLI".split()
)
_LARGEST_PROFILE = 16 << 20
_ICC, _EXIF = b"ICC_PROFILE\0", b"Exif\0\0"
_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xC0, 0xD0)} - {0xC8})
_LONGEST_SEGMENT = 65_535


def png_parts(source: Source) -> Iterator[Part]:
    """The chunks of a PNG."""
    yield Part(0, 8, "header", True)
    start, ended = 8, False
    while start < source.size and not ended:
        size, word = source.number(start, ">I"), source.read(start + 4, 4)
        end = start + 12 + size
        if end > source.size:
            raise UnusableInputError("corrupt", "a png that was cut off")
        yield _png_chunk(source, word, start, end)
        start, ended = end, word == b"IEND"
    if not ended:
        raise UnusableInputError("corrupt", "a png that was cut off")
    if start < source.size:
        yield Part(start, source.size, "what is behind the picture", False)


def _png_chunk(source: Source, word: bytes, start: int, end: int) -> Part:
    place = word.decode("latin-1")
    if word == b"iCCP":
        with suppress(zlib.error):
            name, _, packed = source.read(start + 8, end - start - 12).partition(b"\0")
            profile = zlib.decompressobj().decompress(packed[1:], _LARGEST_PROFILE)
            kept = icc.numbers_of(profile)
            if name == b"icc" and kept == profile:
                return Part(start, end, place, True)
            return Part(start, end, place, True, _chunk(word, b"icc\0\0" + zlib.compress(kept)))
        return Part(start, end, place, False)
    if word == b"eXIf" and (needed := exif.needed_of(source.read(start + 8, end - start - 12))):
        return Part(start, end, place, True, _chunk(word, needed))
    return Part(start, end, place, word in _CHUNKS)


def _chunk(word: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + word + content + zlib.crc32(word + content).to_bytes(4, "big")


def jpeg_parts(source: Source) -> Iterator[Part]:
    """The segments of a JPEG."""
    yield Part(0, 2, "header", True)
    start = 2
    profile = _profile(source)
    while True:
        head = source.peek(start, 2)
        if len(head) < 2 or head[0] != 0xFF:  # noqa: PLR2004
            raise UnusableInputError("corrupt", "a jpeg that was cut off")
        if head[1] == 0xFF:  # noqa: PLR2004 (filling)
            yield Part(start, start + 1, "filling", False)
            start += 1
            continue
        if head[1] == _EOI:
            yield Part(start, start + 2, "end", True)
            break
        end = start + 2 + source.number(start + 2, ">H")
        part = _segment(source, head[1], start, end, profile)
        yield part
        start = end
        if head[1] == _SOS:
            start = _end_of_scan(source, end)
            yield Part(end, start, "scan", True)
    if start + 2 < source.size:
        yield Part(start + 2, source.size, "what is behind the picture", False)


def _segment(source: Source, word: int, start: int, end: int, profile: dict[int, bytes]) -> Part:
    content = source.read(start + 4, end - start - 4)
    if word == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:  # noqa: PLR2004
        return Part(start, end, "JFIF", True, _marked(_APP0, content[:12] + b"\0\0"))  # no thumbnail
    if word == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:  # noqa: PLR2004
        return Part(start, end, "Adobe", True, _marked(_APP14, content[:12]))
    if word == _APP1 and content.startswith(_EXIF) and (needed := exif.needed_of(content)):
        return Part(start, end, "Exif", True, _marked(_APP1, _EXIF + needed))
    if start in profile:
        return Part(start, end, "ICC", True, _marked(_APP2, profile[start]))
    names = {0xFE: "COM", _APP1: "XMP or Exif", 0xED: "IPTC"}
    return Part(start, end, names.get(word, f"{word:X}"), word in _TABLES or word == _SOS)


def _profile(source: Source) -> dict[int, bytes]:
    """Start of a segment → what it holds of the colour profile, numbers only; nothing where that is not whole."""
    found: dict[int, bytes] = {}
    start = 2
    while (head := source.peek(start, 4))[:1] == b"\xff" and len(head) == 4 and head[1] not in (_SOS, _EOI, 0xFF):  # noqa: PLR2004
        end = start + 2 + int.from_bytes(head[2:], "big")
        if head[1] == _APP2 and source.peek(start + 4, len(_ICC)) == _ICC:
            found[start] = source.peek(start + 4, end - start - 4)
        start = end
    heads = [each[: len(_ICC) + 2] for each in found.values()]
    if [each[-2:] for each in heads] != [bytes([number + 1, len(found)]) for number in range(len(found))]:
        return {}
    kept = icc.numbers_of(b"".join(each[len(_ICC) + 2 :] for each in found.values()))
    for (place, each), front in zip(list(found.items()), heads, strict=True):
        length = len(each) - len(front)
        found[place], kept = front + kept[:length], kept[length:]
    return found


def _marked(word: int, content: bytes) -> bytes:
    return bytes([0xFF, word]) + (len(content) + 2).to_bytes(2, "big") + content


def _end_of_scan(source: Source, start: int) -> int:
    """Where the next segment begins behind coded pixels."""
    step = 1 << 20
    while start < source.size:
        block = source.peek(start, step)
        place = block.find(b"\xff")
        while 0 <= place < len(block) - 1:
            if block[place + 1] and not 0xD0 <= block[place + 1] <= 0xD7:  # noqa: PLR2004 (stuffed, or a restart)
                return start + place
            place = block.find(b"\xff", place + 2 if block[place + 1] == 0 else place + 1)
        if place < 0:
            start += len(block)
        else:
            start += max(1, place)
            if source.size - start < 2:  # noqa: PLR2004
                break
    raise UnusableInputError("corrupt", "a jpeg that was cut off")

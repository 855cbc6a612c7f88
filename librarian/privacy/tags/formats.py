"""The formats that are known, told by their first bytes, and what of a file is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from librarian.errors import UnusableInputError
from librarian.files import open_regular
from librarian.privacy.tags import flac, matroska, mp4, mpeg, ogg, pictures, riff, svg
from librarian.privacy.tags.part import Part, Source


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        word: how it is called.
        kind: `audio`, `image` or `video`; of a container that may hold either, `audio`.
        suffix: what the name of a file ends with.
        parts: walks through a file.
        filtered: whether a file is cleaned by leaving parts out; otherwise its sound and pictures are copied, packet
            by packet, into a new one.
    """

    word: str
    kind: str
    suffix: str
    parts: Callable[[Source], Iterator[Part]]
    filtered: bool = True


WAV = Format("wav", "audio", ".wav", riff.wav_parts)
FLAC = Format("flac", "audio", ".flac", flac.flac_parts)
MP3 = Format("mp3", "audio", ".mp3", mpeg.mp3_parts)
OGG = Format("ogg", "audio", ".ogg", ogg.ogg_parts, filtered=False)
MP4 = Format("mp4", "audio", ".mp4", mp4.mp4_parts, filtered=False)
MATROSKA = Format("matroska", "audio", ".mkv", matroska.matroska_parts, filtered=False)
PNG = Format("png", "image", ".png", pictures.png_parts)
JPEG = Format("jpeg", "image", ".jpg", pictures.jpeg_parts)
WEBP = Format("webp", "image", ".webp", riff.webp_parts)
SVG = Format("svg", "image", ".svg", svg.svg_parts)
FORMATS = (WAV, FLAC, MP3, OGG, MP4, MATROSKA, PNG, JPEG, WEBP, SVG)
_BEGINNINGS = [
    (form, re.compile(pattern, re.DOTALL))
    for form, pattern in (
        (WAV, rb"(?:RIFF|RF64|BW64).{4}WAVE"),
        (WEBP, rb"RIFF.{4}WEBP"),
        (PNG, rb"\x89PNG\r\n\x1a\n"),
        (JPEG, rb"\xff\xd8\xff"),
        (OGG, rb"OggS"),
        (MATROSKA, rb"\x1aE\xdf\xa3"),
        (MP4, rb".{4}(?:ftyp|styp|moov|mdat|wide|free|skip|pnot)"),
    )
]
_NAMES = "wav, flac, mp3, ogg, opus, m4a, mp4, mov, mkv, webm, png, jpeg, webp or svg"


def format_of(path: Path | str) -> Format:
    """The format of a file, by its content.

    Raises:
        UnusableInputError: it is none that is known.
        OSError: it cannot be opened.
    """
    with open(open_regular(path), "rb") as file:
        return _sniffed(Source(file, _size(file)))


def parts(path: Path | str) -> Iterator[Part]:
    """Every stretch of a file, in order.

    Raises:
        UnusableInputError: it is in no format that is known, or damaged.
        OSError: it cannot be read.
    """
    with open(open_regular(path), "rb") as file:
        source = Source(file, _size(file))
        yield from _sniffed(source).parts(source)


def remains(path: Path | str) -> list[str]:
    """The places of what a file holds beside sound and pictures, in words of its format; none in a clean one.

    Raises:
        UnusableInputError: it is in no format that is known, or damaged.
        OSError: it cannot be read.
    """
    with open(open_regular(path), "rb") as file:
        source = Source(file, _size(file))
        found = (each.place for each in _sniffed(source).parts(source) if is_more(source, each))
        return list(dict.fromkeys(found))


def is_more(source: Source, part: Part) -> bool:
    """Whether a part holds something that is not needed."""
    if not part.needed:
        return True
    if part.instead is None:
        return False
    if part.place in ("header", "ds64"):  # sizes: those of the other parts decide
        return False
    return source.read(part.start, part.end - part.start) != part.instead


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _sniffed(source: Source) -> Format:
    head = source.peek(0, 16)
    for form, begins in _BEGINNINGS:
        if begins.match(head):
            return form
    if svg.STARTS.match(source.peek(0, 4096)):
        return SVG
    start = mpeg.end_of_id3(source, 0)
    head = source.peek(start, 4)
    if head == b"fLaC":
        return FLAC
    if start or mpeg.frame_size(int.from_bytes(head, "big")):
        return MP3
    raise UnusableInputError("unsupported", f"what it may hold beside sound or picture is not known; {_NAMES} are")

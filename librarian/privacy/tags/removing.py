"""Removing: a copy of a file with its sound and pictures, bit for bit, and nothing else; then it is read again."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from librarian.errors import UnusableInputError
from librarian.files import open_regular
from librarian.privacy.strings import strings_in
from librarian.privacy.tags.formats import MATROSKA, MP4, OGG, Format, format_of, is_more, parts, remains
from librarian.privacy.tags.part import Part, Source, is_vendor

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

_BLOCK = 1 << 20
_SHORTEST_VALUE = 8
"""Bytes of a text that do not occur in sound by chance."""
_MOST_VALUES = 2_000
_OF_FORMATS = re.compile(
    rb"(?i)language=[a-z]{3}|.?(?:Sound|Video|Data)Handler|[md]hlr[a-z]{3}.|mdirappl|DURATION|OpusTags", re.DOTALL
)
"""Texts that containers hold in any case."""
_MOST_READ = 1 << 20
"""Bytes of a part in which texts are looked for."""


class Removed(NamedTuple):
    """What was removed.

    Args:
        kind: `audio`, `image` or `video`.
        places: of what was left out, in words of the format.
        bytes: how many they were.
    """

    kind: str
    places: list[str]
    bytes: int


def remove(source: Path | str, folder: Path, stem: str) -> tuple[Path, Removed]:
    """Make a copy without embedded metadata.

    Args:
        source: the file; it is only read.
        folder: where the copy goes.
        stem: its name without an ending.

    Returns:
        The copy, and what is not in it.

    Raises:
        UnusableInputError: the format is not known, the file is damaged, or what was removed stands in its sound too.
        OSError: it cannot be read, or the copy cannot be written.
    """
    form = format_of(source)
    places, count, values = _more_in(source)
    target, kind = (
        _filtered(source, folder / f"{stem}{form.suffix}", form)
        if form.filtered
        else _copied(source, folder, stem, form)
    )
    if left := remains(target):
        raise UnusableInputError(
            "unsupported", f"of what it holds beside sound and picture {left[0]} cannot be removed"
        )
    if _holds(target, values):
        raise UnusableInputError("unsupported", "what its metadata says stands in its sound or picture too")
    return target, Removed(kind, places, count)


def _more_in(path: Path | str) -> tuple[list[str], int, set[bytes]]:
    """Places and bytes of what is not needed, and the texts in it."""
    places: dict[str, None] = {}
    count, values = 0, set[bytes]()
    with open(open_regular(path), "rb") as file:
        source = Source(file, os.fstat(file.fileno()).st_size)
        for part in parts(path):
            if not is_more(source, part):
                continue
            places[part.place] = None
            count += part.end - part.start - len(part.instead or b"")
            if len(values) < _MOST_VALUES:
                content = source.read(part.start, min(_MOST_READ, part.end - part.start))
                if part.instead is None:
                    values |= set(_values(content))
    return list(places), max(0, count), values


def _values(content: bytes) -> Iterator[bytes]:
    for text in strings_in(content):
        encoded = text.strip().encode()
        if _SHORTEST_VALUE <= len(encoded) <= _BLOCK // 2 and any(map(str.isalpha, text)):
            yield encoded[:256]


def _holds(path: Path, values: set[bytes]) -> bool:
    """Whether any of some texts stands in a file."""
    if not values:
        return False
    wanted = sorted(each for each in values if not (is_vendor(each) or _OF_FORMATS.fullmatch(each)))[:_MOST_VALUES]
    if not wanted:
        return False
    forms = [form for each in wanted for form in (each, each.decode(errors="replace").encode("utf-16-le"))]
    pattern = re.compile(b"|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    longest = max(map(len, forms))
    with open(path, "rb") as file:
        before = b""
        while block := file.read(_BLOCK):
            if pattern.search(before + block):
                return True
            before = block[-longest:]
    return False


def _filtered(source: Path | str, target: Path, form: Format) -> tuple[Path, str]:
    """The needed parts of a file, in order."""
    with open(open_regular(source), "rb") as file, open(target, "wb") as copy:
        for part in parts(source):
            if part.instead is not None and part.needed:
                copy.write(part.instead)
            elif part.needed:
                _copy(file, copy, part)
    return target, form.kind


def _copy(file: BinaryIO, copy: BinaryIO, part: Part) -> None:
    file.seek(part.start)
    left = part.end - part.start
    while left:
        block = file.read(min(_BLOCK, left))
        if not block:
            raise UnusableInputError("corrupt", "it ended while it was read")
        copy.write(block)
        left -= len(block)


def _copied(source: Path | str, folder: Path, stem: str, form: Format) -> tuple[Path, str]:
    """The packets of sound and pictures of a file in a new one, by FFmpeg's libraries."""
    import av

    try:
        with open(open_regular(source), "rb", buffering=0) as file, _opened(file, form) as container:
            streams = [each for each in container.streams if _is_content(each)]
            if not streams:
                raise UnusableInputError("unsupported", "holds no sound and no picture")
            if not all(map(_codec, streams)):
                raise UnusableInputError("unsupported", "its sound or picture is in a codec that is not known")
            kind = "video" if any(each.type == "video" for each in streams) else "audio"
            target = folder / f"{stem}{_suffix(form, container, streams)}"
            _remux(container, streams, target, _muxer(form, container))
            return target, kind
    except av.FFmpegError as error:
        raise UnusableInputError("corrupt", f"cannot be copied: {error.strerror}") from None


@contextlib.contextmanager
def _opened(file: object, form: Format) -> Iterator[InputContainer]:
    import av

    names = {OGG.word: "ogg", MP4.word: "mov", MATROSKA.word: "matroska"}
    limits = {"format_whitelist": names[form.word], "protocol_whitelist": "none"}
    with av.open(file, "r", container_options=limits, metadata_errors="replace") as container:
        yield container


def _is_content(stream: Stream) -> bool:
    """Whether a stream is sound or moving pictures, and not the picture of a cover."""
    from av.stream import Disposition

    return stream.type in ("audio", "video") and not stream.disposition & Disposition.attached_pic


def _muxer(form: Format, container: InputContainer) -> str:
    if form is MP4:
        return "mov" if container.metadata.get("major_brand", "qt").strip() == "qt" else "mp4"
    if form is MATROSKA:
        return "webm" if _is_webm(container) else "matroska"
    return "ogg"


_OF_WEBM = frozenset(
    {"vp8", "vp9", "av1", "libdav1d", "vorbis", "opus", "libopus", "libvorbis", "libvpx", "libvpx-vp9"}
)


def _is_webm(container: InputContainer) -> bool:
    return all(_codec(each) in _OF_WEBM for each in container.streams if _is_content(each))


def _codec(stream: Stream) -> str:
    return getattr(stream.codec_context, "name", "")  # there is no context where there is no decoder


def _suffix(form: Format, container: InputContainer, streams: list[Stream]) -> str:
    has_pictures = any(each.type == "video" for each in streams)
    if form is OGG:
        return ".opus" if not has_pictures and _codec(streams[0]) in ("opus", "libopus") else ".ogg"
    muxer = _muxer(form, container)
    sound_alone = {"mp4": ".m4a", "matroska": ".mka", "webm": ".webm", "mov": ".mov"}
    with_pictures = {"mp4": ".mp4", "matroska": ".mkv", "webm": ".webm", "mov": ".mov"}
    return (with_pictures if has_pictures else sound_alone)[muxer]


def _remux(container: InputContainer, streams: list[Stream], target: Path, muxer: str) -> None:
    import av

    with av.open(target, "w", format=muxer, options={"fflags": "+bitexact"}) as copy:
        found = {}
        for each in streams:
            found[each.index] = made = copy.add_stream_from_template(each)
            language = each.metadata.get("language", "")
            made.metadata.clear()
            if re.fullmatch("[a-z]{3}", language):
                made.metadata["language"] = language
        copy.metadata.clear()
        for packet in container.demux(streams):
            if not packet.size:
                continue  # the end of a stream
            packet.stream = found[packet.stream.index]
            copy.mux(packet)

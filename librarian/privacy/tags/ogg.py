"""Ogg (RFC 3533) with Vorbis, Opus (RFC 7845), FLAC, Speex or Theora: comments go, sound and pictures stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from librarian.errors import UnusableInputError
from librarian.privacy.tags.part import LARGEST_READ, Part, Source, comments_needed

_HEADER = 27
_STARTS = {
    b"\x01vorbis": b"\x03vorbis",
    b"OpusHead": b"OpusTags",
    b"\x80theora": b"\x81theora",
    b"Speex   ": b"",
    b"\x7fFLAC": b"",
}
"""How the first packet of a stream begins → how that of its comments does."""
_FLAC = b"\x7fFLAC"
_COMMENT, _PADDING, _SEEKTABLE = 4, 1, 3


@dataclass
class _Stream:
    """One logical stream.

    Attributes:
        kind: how its first packet begins.
        headers: packets that may hold text and did not come yet.
    """

    kind: bytes
    headers: int
    _packet: bytearray = field(default_factory=bytearray)
    _stretches: list[tuple[int, int]] = field(default_factory=list)

    def more_in(self, start: int, segments: bytes, content: bytes) -> Iterator[Part]:
        """The stretches of text that end in a page whose content begins at `start`, where they are not needed."""
        place = 0
        for length in segments:
            if not self.headers:
                return
            self._packet += content[place : place + length]
            self._stretches.append((start + place, start + place + length))
            place += length
            if len(self._packet) > LARGEST_READ:
                raise UnusableInputError("unsupported", "its comments are too large")
            if length < 255:  # noqa: PLR2004 (which ends a packet)
                self.headers -= 1
                if not self._is_needed(bytes(self._packet)):
                    yield from (Part(first, last, "comments", False) for first, last in _joined(self._stretches))
                self._packet.clear()
                self._stretches.clear()

    def _is_needed(self, packet: bytes) -> bool:
        if self.kind == _FLAC:
            kind, content = packet[:1], packet[4:]
            if kind and kind[0] & 0x7F == _COMMENT:
                return comments_needed(content)[1]
            return bool(kind) and (kind[0] & 0x7F == _SEEKTABLE or not content.strip(b"\0"))
        start = _STARTS[self.kind]
        return packet.startswith(start) and comments_needed(packet[len(start) :])[1]


def _joined(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Stretches that follow each other as one."""
    begun: tuple[int, int] | None = None
    for start, end in stretches:
        if begun and begun[1] == start:
            begun = begun[0], end
        else:
            if begun:
                yield begun
            begun = start, end
    if begun:
        yield begun


def ogg_parts(source: Source) -> Iterator[Part]:
    """The pages of an Ogg, and of its comments what is not needed."""
    streams: dict[bytes, _Stream | None] = {}
    place = 0
    while place < source.size:
        head = source.peek(place, _HEADER)
        if len(head) < _HEADER or head[:4] != b"OggS":
            yield Part(place, source.size, "what is behind the last page", False)
            break
        segments = source.read(place + _HEADER, head[26])
        start = place + _HEADER + len(segments)
        end = min(start + sum(segments), source.size)
        serial = head[14:18]
        if head[5] & 2:
            streams[serial] = _begun(source.peek(start, 16))
        stream = streams.get(serial)
        yield Part(place, end, "page" if stream else "another stream", stream is not None)
        if stream and stream.headers and not head[5] & 2:
            yield from stream.more_in(start, segments, source.peek(start, sum(segments)))
        place = end
    if not any(streams.values()):
        raise UnusableInputError("unsupported", "an ogg in a codec that is not known")


def _begun(content: bytes) -> _Stream | None:
    """A stream by its first packet."""
    for kind in _STARTS:
        if content.startswith(kind):
            headers = max(1, int.from_bytes(content[7:9], "big")) if kind == _FLAC else 1
            return _Stream(kind, headers)
    return None

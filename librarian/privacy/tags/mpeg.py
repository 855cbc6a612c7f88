"""MP3 and its kin: frames stay, Xing's and LAME's own among them; ID3, APE, Lyrics3 and whatever is between go.

ISO/IEC 11172-3 and 13818-3; id3.org; wiki.hydrogenaud.io (APEv2).
"""

from __future__ import annotations

from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags.part import Part, Source

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_LAYER_I, _MPEG_1 = 3, 3
_BLOCK = 1 << 20
_ID3V1 = 128
_ID3_HEADER, _APE_HEADER = 10, 32


def mp3_parts(source: Source) -> Iterator[Part]:
    """The parts of an MP3. Frames are those that others of the same kind follow.

    Raises:
        UnusableInputError: it holds no frame.
    """
    start = end_of_id3(source, 0)
    if start:
        yield Part(0, start, "ID3v2", False)
    end = start_of_tail(source, start)
    heard = False
    for part in _frames(source, start, end):
        heard = heard or part.needed
        yield part
    if not heard:
        raise UnusableInputError("corrupt", "an mp3 without a frame")
    if end < source.size:
        yield Part(end, source.size, "tags behind the sound", False)


def end_of_id3(source: Source, start: int) -> int:
    """Behind the ID3v2 tags at a place; the place itself where there is none."""
    while (head := source.peek(start, _ID3_HEADER))[:3] == b"ID3" and len(head) == _ID3_HEADER:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        start = min(source.size, start + _ID3_HEADER + size + _ID3_HEADER * bool(head[5] & 0x10))
    return start


def start_of_tail(source: Source, start: int) -> int:
    """Where the tags at the end of a file begin, behind `start`; its end where there are none."""
    end = source.size
    while (before := _before_tag(source, start, end)) < end:
        end = before
    return end


def _before_tag(source: Source, start: int, end: int) -> int:
    if end - _ID3V1 >= start and source.read(end - _ID3V1, 3) == b"TAG":
        return end - _ID3V1
    if end - _APE_HEADER >= start and source.read(end - _APE_HEADER, 8) == b"APETAGEX":
        size = source.number(end - _APE_HEADER + 12, "<I")
        header = _APE_HEADER * (source.number(end - _APE_HEADER + 20, "<I") >> 31)
        return max(start, end - size - header) if size else end
    if end - 15 >= start and source.read(end - 9, 9) == b"LYRICS200" and source.read(end - 15, 6).isdigit():
        return max(start, end - 15 - int(source.read(end - 15, 6)))
    if end - 10 >= start and source.read(end - 10, 3) == b"3DI":
        size = sum((byte & 0x7F) << shift for byte, shift in zip(source.read(end - 4, 4), (21, 14, 7, 0), strict=True))
        return max(start, end - size - 2 * _ID3_HEADER)
    return end


class _Window:
    """Some of a file in memory, moving on."""

    def __init__(self, source: Source, end: int) -> None:
        self._source, self._end, self._start, self._held = source, end, 0, b""

    def head(self, place: int) -> int:
        """Four bytes as a number; 0 behind the end."""
        if place + 4 > self._end:
            return 0
        if not self._start <= place <= self._start + len(self._held) - 4:
            self._start, self._held = place, self._source.read(place, min(_BLOCK, self._end - place))
        at = place - self._start
        return int.from_bytes(self._held[at : at + 4], "big")

    def next_sync(self, place: int) -> int:
        """Where the next byte of ones is, at or behind a place."""
        while place + 4 <= self._end:
            self.head(place)
            found = self._held.find(b"\xff", place - self._start)
            if found >= 0:
                return self._start + found
            place = self._start + len(self._held)
        return self._end


def frame_size(head: int) -> int:
    """Bytes of the frame that begins with these four; 0 where none does, or its length is not said."""
    version, layer = head >> 19 & 3, head >> 17 & 3
    bits, rate, padding = head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
    if head >> 21 != 0x7FF or version == 1 or not layer or bits in (0, 15) or rate == 3:  # noqa: PLR2004
        return 0
    table = (3, layer) if version == _MPEG_1 else (2, 3 if layer == _LAYER_I else 2)
    per_second, kbits = _RATES[version][rate], _KBITS[table][bits]
    if layer == _LAYER_I:
        return (12_000 * kbits // per_second + padding) * 4
    samples = 72_000 if layer == 1 and version != _MPEG_1 else 144_000
    return samples * kbits // per_second + padding


def _kind(head: int) -> int:
    return head & 0xFFFE0C00


def _frames(source: Source, start: int, end: int) -> Iterator[Part]:
    """Runs of frames, and what is between them."""
    window = _Window(source, end)
    kind, place, junk = 0, start, start
    while place < end:
        head = window.head(place)
        size = frame_size(head)
        if not size or (kind and _kind(head) != kind) or not _is_followed(window, place + size, _kind(head), end):
            place = min(end, window.next_sync(place + 1))
            continue
        if junk < place:
            yield Part(junk, place, "between the frames", False)
        kind, begun = _kind(head), place
        while (size := frame_size(head := window.head(place))) and _kind(head) == kind and place + size <= end:
            place += size
        yield Part(begun, place, "frames", True)
        junk = place
    if junk < end:
        yield Part(junk, end, "behind the frames", False)


def _is_followed(window: _Window, place: int, kind: int, end: int) -> bool:
    """Whether another frame of the kind is at a place, or nothing more."""
    return place == end or _kind(window.head(place)) == kind

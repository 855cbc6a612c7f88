"""The reader for what libsndfile knows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO

import soundfile as sf

from librarian.errors import UnusableInputError
from librarian.media.sound import BLOCK_BYTES, AudioInfo, Samples, check_size, gathered, joined, usual_layout

_UNKNOWN_FRAMES = (1 << 63) - 1
_LONGEST_PAGE = 65_307  # RFC 3533: 27 + 255 + 255 × 255 bytes
_COUNTS_FRAMES, _COUNTS_BYTES = 1, 2  # flags of a Xing header
_GET_CHANNEL_MAP = 0x1100  # SFC_GET_CHANNEL_MAP_INFO
_L, _R, _C, _BC, _BL, _BR, _LFE, _SL, _SR = 2, 3, 4, 8, 9, 10, 11, 14, 15  # SF_CHANNEL_MAP_…
_LAYOUTS = {
    (_L, _R, _C): "3.0",
    (_L, _R, _BL, _BR): "quad",
    (_L, _R, _C, _BL, _BR): "5.0",
    (_L, _R, _C, _LFE, _BL, _BR): "5.1",
    (_L, _R, _C, _LFE, _SL, _SR): "5.1(side)",
    (_L, _R, _C, _LFE, _BC, _SL, _SR): "6.1",
    (_L, _R, _C, _LFE, _BL, _BR, _SL, _SR): "7.1",
}
_FLAC_LAYOUTS = {3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}  # RFC 9639, table 9.1.3


@contextlib.contextmanager
def opened(file: FileIO) -> Iterator[SndfileSound | None]:
    """The sound, or None where libsndfile cannot read it or cannot know its length."""
    with contextlib.ExitStack() as stack:
        sound = None
        with contextlib.suppress(sf.LibsndfileError):
            sound = stack.enter_context(sf.SoundFile(file.fileno(), closefd=False))
        yield SndfileSound(sound) if sound is not None and _counted(sound, file) else None


def _counted(sound: sf.SoundFile, file: FileIO) -> bool:
    # libsndfile guesses the length of an mp3 that has no count, and reads no further than its guess. Of sounds that
    # were put one after the other into a file it reads the first.
    if sound.format == "OGG":
        return not _is_chained(file)
    return sound.frames != _UNKNOWN_FRAMES and (sound.format != "MP3" or _has_count_of_all(file))


def _is_chained(file: FileIO) -> bool:
    """Whether the last page of an Ogg belongs to another sound than the first."""
    first = _read_at(file, 0, 18)
    end = os.fstat(file.fileno()).st_size
    tail = _read_at(file, max(0, end - _LONGEST_PAGE), _LONGEST_PAGE)
    last = tail.rfind(b"OggS")
    return last >= 0 and tail[last + 14 : last + 18] not in (first[14:18], b"")


def _has_count_of_all(file: FileIO) -> bool:
    """Whether an mp3 counts its frames, and no more follow those that it counts."""
    start = _tag_bytes(_read_at(file, 0, 10))
    head = _read_at(file, start, 64)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or not head[at + 7] & _COUNTS_FRAMES:
        return False
    if not head[at + 7] & _COUNTS_BYTES:
        return True
    more = _read_at(file, start + int.from_bytes(head[at + 12 : at + 16]), 3)
    return more != b"ID3" and not (more[:1] == b"\xff" and more[1:2] >= b"\xe0")


def _tag_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that begins so; 0 for none."""
    if head[:3] != b"ID3":
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _read_at(file: FileIO, place: int, size: int) -> bytes:
    return os.pread(file.fileno(), size, place)


class SndfileSound:
    """A sound that libsndfile has opened."""

    def __init__(self, file: sf.SoundFile) -> None:
        self._file = file

    def info(self) -> AudioInfo:
        """What its header says, and libsndfile holds against the file's size."""
        file = self._file
        return AudioInfo(
            file.format.lower(), file.subtype.lower(), file.samplerate, file.channels, file.frames, True, self._layout()
        )

    def read(self) -> tuple[Samples, int]:
        """All of it, and its sample rate (Hz).

        Raises:
            UnusableInputError: it is damaged, shorter than its header claims, or too large.
        """
        claimed, channels = self._file.frames, self._file.channels
        check_size(claimed, channels)
        blocks = gathered(self._blocks())
        if (held := sum(block.shape[1] for block in blocks)) != claimed:
            raise UnusableInputError("corrupt", f"holds {held} of the {claimed} frames that its header claims")
        return joined(blocks, channels, claimed), self._file.samplerate

    def _blocks(self) -> Iterator[Samples]:
        frames = max(1, BLOCK_BYTES // (4 * self._file.channels))
        try:
            while len(block := self._file.read(frames, dtype="float32", always_2d=True)):
                yield block.T
        except sf.LibsndfileError as error:
            raise UnusableInputError("corrupt", f"cannot be decoded to its end: {error.error_string}") from None

    def _layout(self) -> str:
        channels = self._file.channels
        if self._file.format == "FLAC":
            return _FLAC_LAYOUTS.get(channels) or usual_layout(channels)
        places = sf._ffi.new("int[]", channels)
        sf._snd.sf_command(self._file._file, _GET_CHANNEL_MAP, places, sf._ffi.sizeof(places))
        return _LAYOUTS.get(tuple(places)) or usual_layout(channels)

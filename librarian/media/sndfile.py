"""The reader for what libsndfile knows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from librarian.errors import UnusableInputError
from librarian.media import layouts
from librarian.media.claims import missing_share
from librarian.media.info import AudioInfo
from librarian.media.sound import Sampled, finite

_MISSED_SECONDS, _MISSED_SHARE = 1.0, 0.1
"""What may be missing at the end of a WAV: some headers are a little wrong."""
_WHOLE_NUMBERS = ("pcm_16", "pcm_s8", "pcm_u8")
_UNKNOWN_FRAMES = (1 << 63) - 1
_LONGEST_PAGE = 65_307  # RFC 3533: 27 + 255 + 255 × 255 bytes
_COUNTS_FRAMES, _COUNTS_BYTES = 1, 2  # flags of a Xing header
_GET_CHANNEL_MAP = 0x1100  # SFC_GET_CHANNEL_MAP_INFO
_BITS = {2: 0, 3: 1, 4: 2, 11: 3, 9: 4, 10: 5, 12: 6, 13: 7, 8: 8, 14: 9, 15: 10}
"""Of SF_CHANNEL_MAP_…, in the mask of WAVE_FORMAT_EXTENSIBLE."""


@contextlib.contextmanager
def opened(file: FileIO) -> Iterator[SndfileSound | None]:
    """The sound, or None where libsndfile cannot read it or cannot know its length."""
    with contextlib.ExitStack() as stack:
        sound = None
        with contextlib.suppress(sf.LibsndfileError):
            sound = stack.enter_context(sf.SoundFile(file.fileno(), closefd=False))
        if sound is not None:
            _check_whole(sound, file)
        yield SndfileSound(sound) if sound is not None and _counted(sound, file) else None


def _check_whole(sound: sf.SoundFile, file: FileIO) -> None:
    missing = missing_share(file)
    stated = sound.frames / (1.0 - missing) / sound.samplerate if missing < 1.0 else 0.0
    if missing * stated > min(_MISSED_SECONDS, _MISSED_SHARE * stated):
        held = f"{sound.frames / sound.samplerate:.2f} of the {stated:.2f} s"
        raise UnusableInputError("corrupt", f"holds {held} that its header states: the copy broke off, make it again")


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
        container = "wav" if file.format == "WAVEX" else file.format.lower()
        self.info = AudioInfo(
            container, file.subtype.lower(), file.samplerate, file.channels, file.frames, True, _layout(file)
        )

    def blocks(self, frames: int) -> Iterator[Sampled]:
        """All of it, `frames` at a time; whole numbers of up to 16 bits come as they are.

        Raises:
            UnusableInputError: it is damaged, or shorter than its header claims.
        """
        held = 0
        for block in self._decoded(min(frames, self.info.frames)):
            held += block.shape[1]
            yield block
        if held != self.info.frames:
            raise UnusableInputError("corrupt", f"holds {held} of the {self.info.frames} frames that its header claims")

    def _decoded(self, frames: int) -> Iterator[Sampled]:
        if self.info.codec in _WHOLE_NUMBERS:
            while got := self._read(whole := np.empty((frames, self.info.channels), np.int16), "short"):
                yield whole[:got].T
        else:
            mixed = np.empty((frames, self.info.channels), np.float32)
            while got := self._read(mixed, "float"):
                yield finite(np.array(mixed[:got].T, order="C"))

    def _read(self, block: NDArray[Any], word: str) -> int:
        """Fill a block, `[frames, channels]`, and say how far.

        Not by soundfile, which seeks after every block: decoders begin anew there, and it costs.
        """
        places = sf._ffi.from_buffer(f"{word}[]", block)
        got = getattr(sf._snd, f"sf_readf_{word}")(self._file._file, places, len(block))
        if code := sf._snd.sf_error(self._file._file):
            error = sf.LibsndfileError(code)
            raise UnusableInputError("corrupt", f"cannot be decoded to its end: {error.error_string}")
        return int(got)


def _layout(file: sf.SoundFile) -> str:
    usual = layouts.usual(file.channels)
    if file.format == "FLAC":
        return layouts.FLAC.get(file.channels, usual)
    places = sf._ffi.new("int[]", file.channels)
    sf._snd.sf_command(file._file, _GET_CHANNEL_MAP, places, sf._ffi.sizeof(places))
    bits = [_BITS.get(place, -1) for place in places]
    if -1 in bits or bits != sorted(set(bits)):
        return usual
    return layouts.NAMES.get(sum(1 << bit for bit in bits), usual)

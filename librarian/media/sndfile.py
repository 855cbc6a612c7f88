"""The reader for what libsndfile knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from io import FileIO

import soundfile as sf

from librarian.errors import UnusableInputError
from librarian.media.sound import BLOCK_BYTES, AudioInfo, Samples, check_size, gathered, joined, usual_layout

_UNKNOWN_FRAMES = (1 << 63) - 1
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
    # libsndfile guesses the length of an mp3 that has no count, and reads no further than its guess.
    return sound.frames != _UNKNOWN_FRAMES and (sound.format != "MP3" or _has_count(file))


def _has_count(file: FileIO) -> bool:
    before = file.tell()
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3":
        file.seek(10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
    else:
        file.seek(0)
    first = file.read(64)
    file.seek(before)
    at = max(first.find(b"Xing"), first.find(b"Info"))
    return at >= 0 and bool(first[at + 7] & 1)


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

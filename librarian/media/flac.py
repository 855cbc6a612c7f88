"""A FLAC file, by libsndfile: without tag, clock or serial number."""

from __future__ import annotations

from io import FileIO

import soundfile as sf

from librarian.media import layouts
from librarian.media.quantize import Whole

_CURE = ": take the format wav, in a job file by audio: {format: wav}"
_FUNCTIONS = {16: "short", 24: "int"}


class FlacFile:
    """A FLAC file that is being written.

    Args:
        file: an empty one.
        rate: sample rate (Hz).
        channels: number of channels.
        bits: 16 or 24.
        layout: one of `MASKS`, or empty.

    Raises:
        ValueError: a FLAC cannot hold it.
        OSError: the disk refused it.
    """

    def __init__(self, file: FileIO, rate: int, channels: int, bits: int, layout: str) -> None:
        meant = layout.removesuffix("(side)")
        if meant and channels in layouts.FLAC and meant != layouts.FLAC[channels]:
            said = layouts.FLAC[channels]
            raise ValueError(f"flac holds {channels} channels as {said}, not as {layout}{_CURE}")
        self._disk = _Disk(file)
        self._function = _FUNCTIONS[bits]
        try:
            self._sound = sf.SoundFile(self._disk, "w", rate, channels, f"PCM_{bits}", format="FLAC")
        except sf.LibsndfileError as error:
            self._disk.check()
            told = f"flac cannot hold {channels} channels at {rate} Hz ({error.error_string.rstrip('.')})"
            raise ValueError(f"{told}{_CURE}") from None

    def put(self, block: Whole) -> None:
        """Add a block, `[frames, channels]`: int16, or 24 bits in the upper ones of int32."""
        places = sf._ffi.from_buffer(f"{self._function}[]", block)
        written = getattr(sf._snd, f"sf_writef_{self._function}")(self._sound._file, places, len(block))
        self._disk.check()
        if written != len(block):
            raise ValueError(f"flac took {written} of {len(block)} frames")

    def finish(self) -> None:
        """Write the last frames, and how long it has become."""
        self.close()
        self._disk.check()

    def close(self) -> None:
        """Let go of it; what is not written then stays so."""
        self._sound.close()


class _Disk:
    """The file as libsndfile writes it, which keeps to itself what the disk says."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self._error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            view = memoryview(content)
            while view and self._error is None:
                view = view[self._file.write(view) :]
        except OSError as error:
            self._error = error
        return len(content) if self._error is None else 0

    def check(self) -> None:
        if self._error is not None:
            raise self._error

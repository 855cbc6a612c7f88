"""The reader for everything else: FFmpeg's libraries, which PyAV brings along.

Only the demuxers and decoders named here are used, no protocol is, and no decoder of pictures. Length is told by the
clock of the packets, so that a gap in a recording is not taken for a file that was cut short.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import FileIO
from typing import TYPE_CHECKING, Any

import numpy as np

from librarian.errors import UnusableInputError
from librarian.media import layouts
from librarian.media.info import AudioInfo
from librarian.media.sound import Samples, finite, recut

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_EXACT = ("ape", "flac", "tta", "wv")
_STATED = ("aiff", "asf", "au", "avi", "caf", "flv", "matroska", "ogg", "w64", "wav")
_GUESSED = ("aac", "ac3", "amr", "amrnb", "amrwb", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts")
_DEMUXERS = ("mov", *_EXACT, *_STATED, *_GUESSED)
"""By what their length is worth: mov has a table of packets, guessed ones have no length at all."""
_CODECS = frozenset(
    "aac aac_latm ac3 alac amrnb amrwb ape dca eac3 flac gsm gsm_ms mp1float mp2float mp3float opus truespeech tta"
    " vorbis wavpack wmalossless wmapro wmav1 wmav2 wmavoice".split()
)
_CODEC_FAMILIES = ("adpcm_", "pcm_")

_BUFFER_BYTES = 1 << 18
_MAX_IDLE_PACKETS = 4096
_CUT_SHORT = 1  # seconds that the clock may end before the header's
_CLOCK = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)")
_MOVIE_CLOCKS = Fraction(1, 500)  # seconds: an edit list may count in 1/600 s


@contextlib.contextmanager
def opened(file: FileIO) -> Iterator[FfmpegSound]:
    """The best sound of a file.

    Raises:
        UnusableInputError: it is no file with a sound that we read.
    """
    info = probed(file)
    file.seek(0)
    with _container(file) as container:
        yield FfmpegSound(container, info)


def probed(file: FileIO) -> AudioInfo:
    """What the header, the first frame and, of mp4, the last packet say: a container is of no more use then.

    Raises:
        UnusableInputError: it is no file with a sound that we read.
    """
    with _container(file) as container, _told():
        return _Decoder(container).info()


@contextlib.contextmanager
def _container(file: FileIO) -> Iterator[InputContainer]:
    import av

    try:
        container = av.open(
            _Handle(file), "r", container_options=_limits(), metadata_errors="replace", buffer_size=_BUFFER_BYTES
        )
    except av.error.ArgumentError:
        raise UnusableInputError("unsupported", "a kind of file that is not read as sound") from None
    except av.FFmpegError as error:
        raise UnusableInputError("corrupt", f"no sound file that can be read: {error.strerror}") from None
    with container:
        yield container


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What FFmpeg's libraries say of a damaged sound, in our words."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise UnusableInputError("corrupt", f"cannot be decoded to its end: {error.strerror}") from None


class _Handle:
    """A file whose damaged tables may point anywhere: a place that cannot be is no error of the disk."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return -1


def _limits() -> dict[str, str]:
    from av.codec.codec import codecs_available

    return {
        "format_whitelist": ",".join(_DEMUXERS),
        "codec_whitelist": ",".join(filter(_is_read, codecs_available)),
        "protocol_whitelist": "none",
    }


def _is_read(codec: str) -> bool:
    return codec in _CODECS or codec.startswith(_CODEC_FAMILIES)


def _best_stream(container: InputContainer) -> AudioStream:
    from av.audio.stream import AudioStream
    from av.stream import Discard

    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        raise UnusableInputError("unsupported", "holds no sound")
    codec = getattr(best.codec_context, "name", "")  # there is no context where there is no decoder
    if not _is_read(codec):
        raise UnusableInputError("unsupported", "its sound is in a codec that is not read")
    for other in container.streams:
        if other.index != best.index:
            other.discard = Discard.all
    return best


@dataclass(frozen=True)
class _Form:
    """What must stay the same from the first frame to the last."""

    rate: int
    channels: int
    layout: str

    @classmethod
    def of(cls, frame: AudioFrame) -> _Form:
        return cls(frame.sample_rate, frame.layout.nb_channels, frame.layout.name)


class FfmpegSound:
    """A sound that FFmpeg's libraries have opened."""

    def __init__(self, container: InputContainer, info: AudioInfo) -> None:
        self.info = info
        self._decoder = _Decoder(container)

    def blocks(self, frames: int) -> Iterator[Samples]:
        """All of it, `frames` at a time.

        Raises:
            UnusableInputError: it is damaged, cut short, or changes its rate or channels.
        """
        with _told():
            yield from recut(self._trimmed(), frames)
            self._decoder.check_end(self.info.frames if self.info.frames_exact else None)

    def _trimmed(self) -> Iterator[Samples]:
        """The sound without what fills up the last packet, where it is known; it is decoded to the end all the same."""
        left = self.info.frames if self.info.frames_exact else None
        for part in self._decoder.parts():
            if left is None:
                yield finite(part)
            elif left:
                yield finite(part[:, :left])
                left -= min(left, part.shape[1])


class _Decoder:
    """Decodes a sound, and keeps account of what came by."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self._stream = _best_stream(container)
        self._demuxer = container.format.name.split(",")[0]
        self._tick = self._stream.time_base or Fraction(1)
        self._form: _Form | None = None
        self._end = Fraction(0)  # seconds: the clock after the last packet that was read
        self._passed = 0
        self._held = 0
        self._idle = 0

    def info(self) -> AudioInfo:
        """What its header, its first frame and, of mp4, its last packet say."""
        next(self.parts(), None)
        form = self._decoded_form()
        if self._has_even_table(form.rate):
            self._seek_last_packet()
        exact = self._exact_frames(form.rate)
        frames = self._estimated_frames(form.rate) if exact is None else exact
        container = "mp4" if self._demuxer == "mov" else self._demuxer
        codec = self._stream.codec_context.codec.canonical_name
        layout = layouts.usual(form.channels) if form.layout.endswith(" channels") else form.layout
        return AudioInfo(container, codec, form.rate, form.channels, frames, exact is not None, layout)

    def check_end(self, frames: int | None) -> None:
        """Hold what was decoded against what the header says, once all is decoded.

        Args:
            frames: what it must hold at least, where that is known.

        Raises:
            UnusableInputError: there is too little of it.
        """
        form, stated = self._decoded_form(), self._stated_end()
        if stated is not None and stated - self._end > _CUT_SHORT:
            raise UnusableInputError("corrupt", f"ends {float(stated - self._end):.1f} s before its header says")
        if self._has_even_table(form.rate):
            if self._passed != (listed := len(self._stream.index_entries)):
                raise UnusableInputError("corrupt", f"holds {self._passed} of the {listed} packets in its table")
            self._check_last_packet()
        if frames is not None and self._held < frames:
            raise UnusableInputError("corrupt", f"holds {self._held} of the {frames} frames that its header claims")

    def _packets(self) -> Iterator[Packet[Any]]:
        for packet in self._demuxed():
            self._idle += 1
            if self._idle > _MAX_IDLE_PACKETS:
                raise UnusableInputError("corrupt", f"holds no sound in {_MAX_IDLE_PACKETS} packets")
            if packet.stream.index == self._stream.index:
                if packet.pts is not None:
                    self._passed += 1
                    self._end = (packet.pts + (packet.duration or 0)) * self._tick
                yield packet

    def _demuxed(self) -> Iterator[Packet[Any]]:
        # Of a stream that a transport stream opens on its way, PyAV 18 knows nothing when it flushes, after all others.
        with contextlib.suppress(IndexError):
            yield from self._container.demux()

    def parts(self) -> Iterator[Samples]:
        """What it holds, some frames at a time."""
        for packet in self._packets():
            for frame in self._stream.decode(packet):
                self._idle = 0
                form = _Form.of(frame)
                if self._form is None:
                    self._form = form
                elif form != self._form:
                    raise UnusableInputError("unsupported", "changes its sample rate or channels on the way")
                self._held += frame.samples
                yield _planar(frame)

    def _decoded_form(self) -> _Form:
        if self._form is None:
            raise UnusableInputError("corrupt", "holds no sound that can be decoded")
        return self._form

    def _has_even_table(self, rate: int) -> bool:
        """Whether all packets are known and as long as each other, so that the clock counts frames.

        It does not in fragmented files, in those of phones, which write down when a packet came, and where the clock
        ticks too slowly.
        """
        if self._demuxer != "mov" or not self._stream.frames:
            return False
        table, ticks = self._stream.index_entries, rate * self._tick
        if len(table) > 1 and not self._stream.codec_context.name.startswith("pcm_"):
            step = table[1].timestamp - table[0].timestamp
            if table[-1].timestamp - table[0].timestamp != step * (len(table) - 1):
                return False
        return len(table) > 0 and (ticks <= 1 or ticks.denominator == 1)

    def _seek_last_packet(self) -> None:
        self._container.seek(self._stream.index_entries[-1].timestamp, stream=self._stream)
        for _ in self._packets():
            pass

    def _exact_frames(self, rate: int) -> int | None:
        """The length, where the container states it to the frame; of mp4 once its last packet was seen."""
        stated = self._stated_end()
        if self._demuxer in _EXACT and stated is not None:
            return round((stated - self._start()) * rate)
        if not self._has_even_table(rate):
            return None
        self._check_last_packet()
        # An edit list counts in the movie's clock, so the packets say it better unless they say much more.
        end = self._end if stated is None or self._end - stated <= _MOVIE_CLOCKS else stated
        frames = round((end - self._start()) * rate)
        counted = self._itunes_frames()
        return frames if counted is None else min(frames, counted)

    def _check_last_packet(self) -> None:
        if self._end <= self._stream.index_entries[-1].timestamp * self._tick:
            raise UnusableInputError("corrupt", "ends before the last packet in its table")

    def _itunes_frames(self) -> int | None:
        # iTunSMPB: flags, delay, padding, frames without both, in hexadecimal.
        words = self._container.metadata.get("iTunSMPB", "").split()
        with contextlib.suppress(IndexError, ValueError):
            return int(words[3], 16) or None
        return None

    def _start(self) -> Fraction:
        return (self._stream.start_time or 0) * self._tick

    def _stated_end(self) -> Fraction | None:
        """Seconds on the clock of the packets, where the header says so of this very sound."""
        if self._demuxer in _GUESSED:
            return None
        if self._stream.duration:
            return self._start() + self._stream.duration * self._tick
        if found := _CLOCK.match(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = found.groups()
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        if len(self._container.streams) == 1 and self._container.duration:
            return Fraction(self._container.duration, 1_000_000)
        return None

    def _estimated_frames(self, rate: int) -> int:
        if (stated := self._stated_end()) is not None:
            return max(0, round((stated - self._start()) * rate))
        seconds = (self._stream.duration or 0) * self._tick or Fraction(self._container.duration or 0, 1_000_000)
        return max(0, round(seconds * rate))


def _planar(frame: AudioFrame) -> Samples:
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    steps = np.float32(1 << (8 * samples.dtype.itemsize - 1))
    middle = steps if samples.dtype.kind == "u" else np.float32(0)
    return (samples.astype(np.float32) - middle) / steps

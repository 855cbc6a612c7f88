"""Copies to listen to, by the encoders that PyAV brings along: no ffmpeg on the machine, no process of its own.

pydub would need both, and holds a sound as a whole, in 16 bits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from librarian.media import Sampled, floats

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer


@dataclass(frozen=True)
class Encoding:
    """A container and an encoder, in the words of FFmpeg, and what keeps tags and random serials out."""

    container: str
    encoder: str
    options: tuple[tuple[str, str], ...] = ()


ENCODINGS = {
    "mp3": Encoding("mp3", "libmp3lame", (("id3v2_version", "0"), ("write_id3v1", "0"))),
    "m4a": Encoding("ipod", "aac"),
    "opus": Encoding("ogg", "libopus"),
}


class ListeningCopy:
    """A sound that is being encoded.

    Attributes:
        path: the file, whole once its `with` block has ended.
    """

    def __init__(self, path: Path, container: OutputContainer, stream: AudioStream, rate: int) -> None:
        self.path = path
        self._container, self._stream, self._rate = container, stream, rate
        self._frames = 0

    def write(self, samples: Sampled, factor: float = 1.0) -> None:
        """Add a block, `[channels, frames]`, of any length, times a factor."""
        import av

        if not samples.shape[1]:
            return
        planar = np.ascontiguousarray(floats(samples) * np.float32(factor))
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self._stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._frames, Fraction(1, self._rate)
        self._frames += samples.shape[1]
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Encode what is left."""
        self._container.mux(self._stream.encode(None))


@contextlib.contextmanager
def create_listening_copy(path: Path, form: str, rate: int, channels: int, bitrate: float) -> Iterator[ListeningCopy]:
    """A copy to be written in blocks, without tags and clock.

    Args:
        path: where to.
        form: one of `ENCODINGS`.
        rate: Hz, one that the format has.
        channels: 1 or 2.
        bitrate: kbit/s, of all channels; an encoder takes the nearest that it has at the rate.
    """
    import av
    from av.codec.context import Flags

    encoding = ENCODINGS[form]
    options = {"fflags": "+bitexact", **dict(encoding.options)}
    with av.open(path, "w", format=encoding.container, options=options) as container:
        layout = "mono" if channels == 1 else "stereo"
        stream = cast("AudioStream", container.add_stream(encoding.encoder, rate=rate, layout=layout))
        stream.bit_rate = round(1000 * bitrate)
        stream.codec_context.flags |= Flags.bitexact
        stream.codec_context.thread_count = 1
        copy = ListeningCopy(path, container, stream, rate)
        yield copy
        copy.finish()

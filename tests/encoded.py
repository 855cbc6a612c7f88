"""Sound files in every container, made from a known signal with the libraries that read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

FRAMES = 100_003  # a multiple of no codec's packet
LOSSY = 0.995
"""Correlation with the original that a lossy codec at its default bit rate keeps; one frame of lag breaks none of it,
a lost packet does."""
PRIMING = 2112  # frames: the longest delay an encoder in these tests puts in front
PADDING = 2048  # frames: the longest packet, which the last one is filled up to
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def signal(frames: int, rate: int, channels: int = 2) -> NDArray[np.float32]:
    """A slow sweep under a tremolo, at another pitch in every channel: it fits itself at no other moment."""
    time = np.arange(frames) / rate
    pitch = 200.0 + 150.0 * np.arange(channels)[:, None]
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 3.3 * time)
    return (0.3 * loudness * np.sin(2 * np.pi * (pitch * time + 100 * time**2))).astype(np.float32)


def encode(
    path: Path,
    container: str,
    codec: str | None,
    *,
    frames: int = 100_003,
    rate: int = 48_000,
    channels: int = 2,
    video: bool = False,
    sample_format: str | None = None,
    late: int = 0,
    sound: NDArray[np.float32] | None = None,
    **options: str,
) -> NDArray[np.float32]:
    """Write `signal` (none without a codec), `late` frames after the black pictures of `video`; give it back."""
    sound = signal(frames, rate, channels) if sound is None else sound
    with av.open(path, "w", format=container, options=options) as file:
        pictures: Any = file.add_stream("mpeg4", rate=25, width=64, height=64) if video else None
        stream: Any = file.add_stream(codec, rate=rate, layout=LAYOUTS[channels]) if codec else None
        if codec and codec.startswith("wma"):
            stream.bit_rate = 128_000
        if sample_format:
            stream.codec_context.format = sample_format
        for number in range(frames * 25 // rate if video else 0):
            file.mux(pictures.encode(_black(number)))
        if video:
            file.mux(pictures.encode())
        if codec:
            _encode_sound(file, stream, sound, late)
    return sound


def _black(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.pts = number
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def _encode_sound(file: Any, stream: Any, sound: NDArray[np.float32], late: int) -> None:
    if not stream.codec_context.is_open:
        stream.codec_context.open()
    resampler = av.AudioResampler(format=stream.format.name)
    step = stream.frame_size or 1024
    for start in range(0, sound.shape[1], step):
        block = np.ascontiguousarray(sound[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.pts = stream.rate, start + late
        for each in resampler.resample(frame):
            file.mux(stream.encode(each))
    file.mux(stream.encode())


@dataclass(frozen=True)
class Case:
    """A container, a codec, and what holds for them."""

    container: str
    codec: str
    word: str
    codec_word: str
    exact: bool
    surplus: int = 0
    """Frames that are left of delay and padding, at most."""
    similar: float = LOSSY
    rate: int = 48_000
    channels: int = 2
    video: bool = False
    sample_format: str | None = None

    def write(self, path: Path, frames: int = FRAMES, late: int = 0, **options: str) -> NDArray[np.float32]:
        """Make the file, and say what was put into it."""
        form = {
            "rate": self.rate,
            "channels": self.channels,
            "video": self.video,
            "sample_format": self.sample_format,
            "late": late,
        }
        return encode(path, self.container, self.codec, frames=frames, **form, **options)


CASES = {
    "m4a": Case("ipod", "aac", "mp4", "aac", True),
    "alac.m4a": Case("ipod", "alac", "mp4", "alac", True, similar=1 - 1e-6, rate=44_100),
    "mono.3gp": Case("3gp", "aac", "mp4", "aac", True, rate=44_100, channels=1),
    "mp4": Case("mp4", "aac", "mp4", "aac", True, rate=44_100, video=True),
    "surround.mp4": Case("mp4", "aac", "mp4", "aac", True, channels=6),
    "opus.mp4": Case("mp4", "libopus", "mp4", "opus", True),
    "mov": Case("mov", "pcm_s16le", "mp4", "pcm_s16le", True, similar=1 - 1e-6, video=True),
    "webm": Case("webm", "libopus", "matroska", "opus", False),
    "flac.mka": Case("matroska", "flac", "matroska", "flac", False, similar=1 - 1e-6),
    "mkv": Case("matroska", "aac", "matroska", "aac", False, PADDING, video=True),
    "pcm.mkv": Case("matroska", "pcm_s24le", "matroska", "pcm_s24le", False, similar=1 - 1e-6),
    "tta": Case("tta", "tta", "tta", "tta", True, similar=1 - 1e-6, sample_format="s16"),
    "wv": Case("wv", "wavpack", "wv", "wavpack", True, similar=1 - 1e-6, sample_format="s16p"),
    "aac": Case("adts", "aac", "aac", "aac", False, PRIMING + PADDING),
    "ac3": Case("ac3", "ac3", "ac3", "ac3", False, PRIMING + PADDING),
    "ts": Case("mpegts", "aac", "mpegts", "aac", False, PRIMING + PADDING, video=True),
    "avi": Case("avi", "libmp3lame", "avi", "mp3", False, PRIMING + PADDING, rate=44_100, video=True),
    "flv": Case("flv", "aac", "flv", "aac", False, PRIMING + PADDING, rate=44_100),
}

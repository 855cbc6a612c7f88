"""Sound files in every container, made from a known signal with the libraries that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

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
    **options: str,
) -> NDArray[np.float32]:
    """Write `signal` (none without a codec), `late` frames after the black pictures of `video`; give it back."""
    sound = signal(frames, rate, channels)
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

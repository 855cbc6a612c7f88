"""What a sound file says of itself, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds.

    Attributes:
        container: the file's format, `wav`, `mp4` …
        codec: how the samples lie in it, `pcm_16`, `aac` …
        sample_rate: of the decoded sound (Hz).
        channels: of the decoded sound.
        frames: the length; what `read_audio` gives or refuses, where `frames_exact`.
        frames_exact: whether the container states the length to the frame. Otherwise `frames` is an estimate, and
            only reading the sound to its end tells its length.
        layout: the order of the channels, `mono`, `stereo`, `5.1` …; `mono` and `stereo` by their
            number, others empty, where the file does not say.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    frames: int
    frames_exact: bool
    layout: str

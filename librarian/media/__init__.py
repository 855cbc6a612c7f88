"""Reading, probing and writing sound files. Nothing of a file's header is believed beyond what its bytes hold.

Used in workers only. Samples are `[channels, frames]` float32 in −1…1; lossy codecs may go a little over. Each name is
resolved on first use: what only probes loads no numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from librarian.media.info import AudioInfo
    from librarian.media.probing import probe
    from librarian.media.reading import open_audio, read_audio
    from librarian.media.sound import MAX_DECODED_BYTES, Sampled, Samples, floats
    from librarian.media.stream import AudioStream
    from librarian.media.writing import AudioWriter, create_audio, write_audio

__all__ = [
    "MAX_DECODED_BYTES",
    "AudioInfo",
    "AudioStream",
    "AudioWriter",
    "Sampled",
    "Samples",
    "create_audio",
    "floats",
    "open_audio",
    "probe",
    "read_audio",
    "write_audio",
]
_HOMES = {
    "info": {"AudioInfo"},
    "probing": {"probe"},
    "reading": {"open_audio", "read_audio"},
    "sound": {"MAX_DECODED_BYTES", "Sampled", "Samples", "floats"},
    "stream": {"AudioStream"},
    "writing": {"AudioWriter", "create_audio", "write_audio"},
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

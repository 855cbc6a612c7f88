"""Reading, probing and writing sound files. Nothing of a file's header is believed beyond what its bytes hold.

Used in workers only. Samples are `[channels, frames]` float32 in −1…1; lossy codecs may go a little over.
"""

from librarian.media.reading import open_audio, probe, read_audio
from librarian.media.sound import MAX_DECODED_BYTES, AudioInfo, Sampled, Samples, floats
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

"""From a path to what a sound file says and holds: libsndfile first, then FFmpeg's libraries.

What holds for the length, for which file:

* wav, aiff, au, caf, w64, flac, ogg, opus, and mp3 with a count of its frames (Xing, Info): exact, without the
  encoder's delay and padding. A flac or mp3 that claims more than it holds is corrupt, and so are wav, aiff and au
  that lack a second or a tenth of what their header states; those, w64 and ogg that a recorder left unfinished when
  its power failed state nothing, and are as long as their bytes are.
* mp4, m4a, mov, 3gp with packets of even length, tta, wavpack, ape: exact; delay and padding go where the file declares
  them (edit list, length of the last packet, iTunSMPB).
* webm, mkv, ogg with video: probing estimates (to about 50 ms). Reading gives the exact length of Opus, FLAC and PCM;
  AAC and others keep the padding of their last packet.
* wma, avi, flv, fragmented mp4, mp4 with uneven packets (phones): probing estimates; delay and padding may stay.
* aac, ac3, mpeg transport streams, amr, mp3 without a count: the file states no length; delay and padding stay.

* sounds that were put one after the other into one ogg or mp3: probing estimates, some only the first; read whole.

Those that state a length and end over a second before it, avi aside, are corrupt. Of several sounds the best one is
read, as FFmpeg chooses. It begins with its first sample: gaps in its clock, or a beginning that is later than the
picture's, are not filled with silence.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from librarian.errors import UnusableInputError
from librarian.files import open_regular
from librarian.media import ffmpeg, sndfile
from librarian.media.info import AudioInfo
from librarian.media.sound import Samples, Sound, check_ratio, check_size, floats, gathered, usual_frames
from librarian.media.stream import AudioStream


def probe(path: Path) -> AudioInfo:
    """What a sound file, or the best sound of a video file, says of itself.

    Raises:
        UnusableInputError: it is no sound file that we read, or holds no frame of sound.
        OSError: it cannot be opened.
    """
    with _handle(path) as file, sndfile.opened(file) as sound:
        info = sound.info if sound else _by_ffmpeg(file)
    _check_length(info.frames, info.frames_exact)
    return info


@contextlib.contextmanager
def open_audio(path: Path) -> Iterator[AudioStream]:
    """A sound to be read in blocks, of any length and in constant memory; the next block is decoded meanwhile.

    Raises:
        UnusableInputError: it is no sound file that we read, or holds no frame of sound. While its blocks are read,
            at the end at the latest: it is damaged, cut short, holds NaN or infinities, or is thousands of times as
            large as its file.
        OSError: it cannot be opened.
    """
    with _handle(path) as file, _opened(file) as sound:
        info, file_bytes = sound.info, os.fstat(file.fileno()).st_size
        if info.frames_exact:
            check_ratio(info.frames, info.channels, file_bytes)
        with AudioStream(sound, file_bytes) as stream:
            yield stream


def read_audio(path: Path) -> tuple[Samples, int]:
    """The whole sound and its sample rate (Hz).

    Shape:
        `[channels, frames]`

    Raises:
        UnusableInputError: it is no sound file, is cut short, holds no frame, NaN or infinities, or is too large
            to be read as a whole.
        OSError: it cannot be opened.
    """
    with _handle(path) as file, _opened(file) as sound:
        info = sound.info
        if info.frames_exact:
            check_size(info.frames, info.channels)
        samples = gathered(map(floats, sound.blocks(usual_frames(info.channels))), info.channels)
    _check_length(samples.shape[1])
    return samples, info.sample_rate


def _check_length(frames: int, exact: bool = True) -> None:
    if exact and not frames:
        raise UnusableInputError("corrupt", "holds no frame of sound")


@contextlib.contextmanager
def _handle(path: Path) -> Iterator[FileIO]:
    # Both libraries get the handle, never the path: no pipes, no devices, no protocols.
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        yield file


def _by_ffmpeg(file: FileIO) -> AudioInfo:
    file.seek(0)
    return ffmpeg.probed(file)


@contextlib.contextmanager
def _opened(file: FileIO) -> Iterator[Sound]:
    with contextlib.ExitStack() as stack:
        sound: Sound | None = stack.enter_context(sndfile.opened(file))
        if sound is None:
            file.seek(0)
            sound = stack.enter_context(ffmpeg.opened(file))
        _check_length(sound.info.frames, sound.info.frames_exact)
        yield sound

"""Reading, probing and writing sound files. Nothing of a file's header is believed beyond what its bytes hold.

Used in workers only. Samples are `[channels, frames]` float32 in −1…1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from librarian.errors import UnusableInputError
from librarian.files import open_regular

MAX_DECODED_BYTES = 4 << 30
"""A sound that is larger than this as float32 is not read as a whole."""
_BLOCK_FRAMES = 1 << 20
_NO_PEAK_CHUNK = 0x1050  # SFC_SET_ADD_PEAK_CHUNK: the chunk carries the clock
_SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds. `frames` is what its header says; reading it whole is the proof."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    frames: int


def probe(path: Path) -> AudioInfo:
    """What a sound file says of itself.

    Raises:
        UnusableInputError: it is no sound file that we read.
        OSError: it cannot be opened.
    """
    with _open(path) as file:
        return AudioInfo(file.format.lower(), file.subtype.lower(), file.samplerate, file.channels, file.frames)


def read_audio(path: Path) -> tuple[Samples, int]:
    """The whole sound.

    Shape:
        `[channels, frames]`

    Raises:
        UnusableInputError: it is no sound file, is cut short, or is too large to be read as a whole.
        OSError: it cannot be opened.
    """
    with _open(path) as file:
        if file.frames * file.channels * 4 > MAX_DECODED_BYTES:
            raise UnusableInputError("unsupported", f"larger than {MAX_DECODED_BYTES >> 30} GiB when decoded")
        blocks = list(_blocks(file))
        rate, channels, claimed = file.samplerate, file.channels, file.frames
    samples = np.concatenate(blocks) if blocks else np.zeros((0, channels), np.float32)
    if len(samples) != claimed:
        raise UnusableInputError("corrupt", f"holds {len(samples)} of the {claimed} frames that its header claims")
    return np.ascontiguousarray(samples.T), rate


def _blocks(file: sf.SoundFile) -> Iterator[NDArray[np.float32]]:
    try:
        while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield block
    except sf.LibsndfileError as error:
        raise UnusableInputError("corrupt", f"cannot be decoded to its end: {error.error_string}") from None


def _open(path: Path) -> sf.SoundFile:
    # libsndfile takes the handle over; opening it here keeps it from pipes and devices.
    handle = open_regular(path)
    try:
        return sf.SoundFile(handle, closefd=True)
    except sf.LibsndfileError as error:
        raise UnusableInputError("corrupt", f"no sound file that can be read: {error.error_string}") from None


def write_audio(path: Path, samples: Samples, rate: int, *, audio_format: str, bits: int, seed: int) -> None:
    """Write a sound without tags, clock or serial number: the same samples give the same bytes.

    Where samples do not fit the bits exactly, 16 bits get triangular dither of ±1 step from `seed`
    (Lipshitz, Wannamaker, Vanderkooy 1992).

    Args:
        path: where to.
        samples: `[channels, frames]`, within −1…1 unless written as float.
        rate: sample rate (Hz).
        audio_format: `flac` or `wav`.
        bits: 16, 24, or 32 for float (wav only).
        seed: of the dither.

    Raises:
        ValueError: the samples hold NaN or infinities, do not fit the bits, or the format cannot hold them.
    """
    if samples.ndim != 2 or samples.dtype != np.float32:  # noqa: PLR2004
        raise ValueError(f"samples must be [channels, frames] float32, not {samples.ndim}-d {samples.dtype}")
    if not np.isfinite(samples).all():
        raise ValueError("samples hold NaN or infinities")
    frames = samples.T if bits == 32 else _quantized(samples, bits, seed).T  # noqa: PLR2004
    try:
        with sf.SoundFile(
            path,
            "x",
            samplerate=rate,
            channels=len(samples),
            format=audio_format.upper(),
            subtype=_SUBTYPES[bits],
        ) as file:
            sf._snd.sf_command(file._file, _NO_PEAK_CHUNK, sf._ffi.NULL, 0)
            file.write(np.ascontiguousarray(frames))
    except sf.LibsndfileError as error:
        channels = len(samples)
        raise ValueError(f"{audio_format} cannot hold {channels} channels at {rate} Hz: {error.error_string}") from None


def _quantized(samples: Samples, bits: int, seed: int) -> NDArray[np.int16] | NDArray[np.int32]:
    steps = float(1 << (bits - 1))
    scaled = samples.astype(np.float64) * steps
    if bits == 16 and not np.array_equal(scaled, np.rint(scaled)):  # noqa: PLR2004
        scaled += _triangular(scaled.shape, seed)
    whole = np.rint(scaled)
    if whole.size and (whole.max() > steps or whole.min() < -steps):
        over = 20 * np.log10(np.abs(samples).max())
        raise ValueError(f"a peak of {over:+.1f} dBFS does not fit {bits} bits; lower the gain or write float")
    whole = np.clip(whole, -steps, steps - 1)
    return whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << 8  # noqa: PLR2004


def _triangular(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    # Raw PCG64 words: numpy promises their stream, not that of its distributions.
    words = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    high, low = words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)
    return ((high.astype(np.float64) - low.astype(np.float64)) / 2.0**32).reshape(shape)

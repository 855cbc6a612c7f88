"""Writing sounds, so that the same samples give the same bytes."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from librarian.media.sound import Samples

_NO_PEAK_CHUNK = 0x1050  # SFC_SET_ADD_PEAK_CHUNK: the chunk carries the clock
_SYSTEM_ERROR = 2
_SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}


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
        OSError: the disk refused it.
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
        if error.code == _SYSTEM_ERROR:  # libsndfile keeps errno to itself
            full = shutil.disk_usage(path.parent).free < samples.nbytes
            raise OSError(errno.ENOSPC if full else errno.EIO, "the sound could not be written") from None
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

"""Writing sounds, so that the same samples give the same bytes."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from librarian.media.sound import Samples

_NO_PEAK_CHUNK = 0x1050  # SFC_SET_ADD_PEAK_CHUNK: the chunk carries the clock
_SYSTEM_ERROR = 2
BLOCK_FRAMES = 1 << 18
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
    if not all(np.isfinite(channel).all() for channel in samples):
        raise ValueError("samples hold NaN or infinities")
    blocks = _blocks(samples) if bits == 32 else _quantized(samples, bits, seed)  # noqa: PLR2004
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
            for block in blocks:
                file.write(np.ascontiguousarray(block.T))
    except sf.LibsndfileError as error:
        if error.code == _SYSTEM_ERROR:  # libsndfile keeps errno to itself
            full = shutil.disk_usage(path.parent).free < samples.nbytes
            raise OSError(errno.ENOSPC if full else errno.EIO, "the sound could not be written") from None
        channels = len(samples)
        raise ValueError(f"{audio_format} cannot hold {channels} channels at {rate} Hz: {error.error_string}") from None
    except ValueError:
        path.unlink()
        raise


def _blocks(samples: Samples) -> Iterator[Samples]:
    for start in range(0, samples.shape[1], BLOCK_FRAMES):
        yield samples[:, start : start + BLOCK_FRAMES]


def _quantized(samples: Samples, bits: int, seed: int) -> Iterator[NDArray[np.int16] | NDArray[np.int32]]:
    """Whole numbers, some at a time: float64 of a long sound would be twice as large as the sound."""
    steps = float(1 << (bits - 1))
    dither = _Triangular(samples.shape, seed) if bits == 16 and not _fits(samples, steps) else None  # noqa: PLR2004
    for block in _blocks(samples):
        scaled = block.astype(np.float64) * steps
        if dither:
            scaled += dither.next(block.shape[1])
        whole = np.rint(scaled)
        if whole.max() > steps or whole.min() < -steps:
            over = 20 * np.log10(max(np.abs(channel).max() for channel in samples))
            raise ValueError(f"a peak of {over:+.1f} dBFS does not fit {bits} bits; lower the gain or write float")
        whole = np.clip(whole, -steps, steps - 1)
        yield whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << 8  # noqa: PLR2004


def _fits(samples: Samples, steps: float) -> bool:
    """Whether every sample is a whole number of steps."""
    scaled = (block.astype(np.float64) * steps for block in _blocks(samples))
    return all(np.array_equal(block, np.rint(block)) for block in scaled)


class _Triangular:
    """Triangular noise of ±1 step, `[channels, frames]`, some frames at a time.

    Raw PCG64 words, channel after channel: numpy promises their stream, not that of its distributions.
    """

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        channels, frames = shape
        self._words = [np.random.PCG64(seed).advance(channel * frames) for channel in range(channels)]

    def next(self, frames: int) -> NDArray[np.float64]:
        words = np.stack([channel.random_raw(frames) for channel in self._words])
        high, low = words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)
        noise: NDArray[np.float64] = (high.astype(np.float64) - low.astype(np.float64)) / 2.0**32
        return noise

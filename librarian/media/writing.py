"""Writing sounds, so that the same samples give the same bytes, however they are cut."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from librarian.media import layouts
from librarian.media.flac import FlacFile
from librarian.media.quantize import GRID, Quantizer, interleaved
from librarian.media.sound import Samples
from librarian.media.wav import WavFile

_FLOAT = 32


class _Place(Protocol):
    """A file of some format that is being written."""

    def put(self, block: Any) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


_PLACES: dict[str, Callable[..., _Place]] = {"flac": FlacFile, "wav": WavFile}
_BITS = {"flac": (16, 24), "wav": (16, 24, _FLOAT)}


def write_audio(
    path: Path, samples: Samples, rate: int, *, layout: str = "", audio_format: str, bits: int, seed: int
) -> None:
    """Write a whole sound, `[channels, frames]`; the rest is `create_audio`'s."""
    channels = len(samples) if samples.ndim == 2 else 1  # noqa: PLR2004
    with create_audio(path, rate, channels, layout=layout, audio_format=audio_format, bits=bits, seed=seed) as writer:
        writer.write(samples)


@contextlib.contextmanager
def create_audio(
    path: Path, rate: int, channels: int, *, layout: str = "", audio_format: str, bits: int, seed: int
) -> Iterator[AudioWriter]:
    """A sound to be written in blocks, without tags, clock or serial number: the same samples give the same bytes.

    Where samples do not fit 16 bits exactly, they get triangular dither of ±1 step from `seed`. What fails leaves no
    file.

    Args:
        path: where to; nothing may lie there.
        rate: sample rate (Hz).
        channels: number of channels.
        layout: the order of the channels, `5.1` …; empty: the usual one of one or two, else unknown.
        audio_format: `flac` or `wav`.
        bits: 16, 24, or 32 for float (wav only).
        seed: of the dither.

    Raises:
        ValueError: the samples hold NaN or infinities, do not fit the bits, are none at all, or the format cannot
            hold them.
        OSError: the disk refused it.
    """
    if bits not in _BITS[audio_format]:
        raise ValueError(f"{audio_format} is written with {_BITS[audio_format]} bits, not {bits}")
    layout = layouts.checked(layout, channels)
    with FileIO(path, "x") as file, _gone_unless_whole(path):
        with contextlib.closing(_PLACES[audio_format](file, rate, channels, bits, layout)) as place:
            writer = AudioWriter(path, place, channels, None if bits == _FLOAT else Quantizer(channels, bits, seed))
            yield writer
            writer.finish()


@contextlib.contextmanager
def _gone_unless_whole(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class AudioWriter:
    """A sound that is written block after block.

    Attributes:
        path: the file, which is whole once its `with` block has ended.
        seconds: time that was spent on writing.
    """

    def __init__(self, path: Path, place: _Place, channels: int, quantize: Quantizer | None) -> None:
        self.path = path
        self.seconds = 0.0
        self._place, self._quantize = place, quantize
        self._block = np.empty((channels, GRID), np.float32)
        self._filled = 0
        self._frames = 0
        self._whole = True

    def write(self, samples: Samples) -> None:
        """Add a block of any length.

        Shape:
            `[channels, frames]`, within −1…1 unless written as float.

        Raises:
            ValueError: the samples hold NaN or infinities, do not fit the bits, or have another shape.
            OSError: the disk refused it.
        """
        began, self._whole = time.perf_counter(), False
        self._check(samples)
        at, frames = 0, samples.shape[1]
        while at < frames:
            fits = min(GRID - self._filled, frames - at)
            self._take(samples[:, at : at + fits])
            at += fits
        self._frames += frames
        self._whole = True
        self.seconds += time.perf_counter() - began

    def finish(self) -> None:
        """Write what is left, and how long it has become.

        Raises:
            ValueError: no frame was written, or one that was refused is missing.
            OSError: the disk refused it.
        """
        if not self._whole:
            raise ValueError("the sound lacks a block that could not be written")
        if not self._frames:
            raise ValueError("no frame of sound was written")
        began = time.perf_counter()
        if self._filled:
            self._put(self._block[:, : self._filled])
        self._place.finish()
        self.seconds += time.perf_counter() - began

    def _check(self, samples: NDArray[Any]) -> None:
        if samples.ndim != 2 or samples.dtype != np.float32:  # noqa: PLR2004
            raise ValueError(f"samples must be [channels, frames] float32, not {samples.ndim}-d {samples.dtype}")
        if len(samples) != len(self._block):
            raise ValueError(f"samples have {len(samples)} channels, the file {len(self._block)}")
        if not np.isfinite(samples).all():
            raise ValueError("samples hold NaN or infinities")

    def _take(self, samples: Samples) -> None:
        if samples.shape[1] == GRID:
            return self._put(samples)
        self._block[:, self._filled : self._filled + samples.shape[1]] = samples
        self._filled += samples.shape[1]
        if self._filled == GRID:
            self._put(self._block)
            self._filled = 0

    def _put(self, samples: Samples) -> None:
        self._place.put(self._quantize(samples) if self._quantize else interleaved(samples, np.float32))

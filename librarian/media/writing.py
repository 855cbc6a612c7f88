"""Writing sounds, so that the same samples give the same bytes, however they are cut."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from librarian.media import layouts
from librarian.media.flac import FlacFile
from librarian.media.quantize import GRID, Quantizer
from librarian.media.sound import STEP, Sampled, Samples, usual_frames
from librarian.media.wav import WavFile

MOST_FACTOR = float(np.finfo(np.float32).max)
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
        layout: the order of the channels, `5.1` …; empty: the usual one of one or two, else unknown
            (but a FLAC of 3 to 8 channels says its standard's).
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
    quantize = None if bits == _FLOAT else Quantizer(channels, bits, seed)
    with FileIO(path, "x") as file, _gone_unless_whole(path):
        place = _PLACES[audio_format](file, rate, channels, bits, layout)
        with contextlib.closing(place), ThreadPoolExecutor(1, "encode") as thread:
            writer = AudioWriter(path, place, channels, quantize, thread)
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
    """A sound that is written block after block; one is encoded by a thread while the next is made.

    Attributes:
        path: the file, which is whole once its `with` block has ended.
        seconds: time that the maker of the blocks waited for them to be written.
    """

    def __init__(
        self, path: Path, place: _Place, channels: int, quantize: Quantizer | None, thread: ThreadPoolExecutor
    ) -> None:
        self.path = path
        self.seconds = 0.0
        self._place, self._quantize, self._thread = place, quantize, thread
        frames = max(GRID, usual_frames(channels) // GRID * GRID)
        self._block = np.empty((channels, frames), np.float32)
        self._filled = 0
        self._writing: Future[None] | None = None
        self._broken = False

    def write(self, samples: Sampled, factor: float = 1.0) -> None:
        """Add a block of any length.

        Args:
            samples: within −1…1 after the gain, unless written as float; or int16, of `sampled_blocks`.
            factor: a gain on them, linear.

        Shape:
            - samples: `[channels, frames]`

        Raises:
            ValueError: the samples, or those of a block before, hold NaN or infinities, do not fit the bits, or have
                another shape.
            OSError: the disk refused it.
        """
        with self._counted():
            self._check(samples, factor)
            at, frames = 0, samples.shape[1]
            while at < frames:
                at += self._taken(samples[:, at:], np.float32(factor))

    def _taken(self, samples: Sampled, factor: np.float32) -> int:
        """Take the beginning of a block; how many frames."""
        most, given = len(self._block[0]), len(samples[0])
        whole = min(2 * most, given // GRID * GRID)
        if whole and not self._filled and self._quantize and self._quantize.takes(samples):
            self._hand_over(self._quantize.amplified(cast("NDArray[np.int16]", samples[:, :whole]), factor))
            return whole
        fits = min(most - self._filled, given)
        self._take(samples[:, :fits], factor)
        self._filled += fits
        if self._filled == most:
            self._hand_over(self._made(self._block))
            self._filled = 0
        return fits

    def _take(self, samples: Sampled, factor: np.float32) -> None:
        place = self._block[:, self._filled : self._filled + samples.shape[1]]
        if samples.dtype == np.int16:
            from librarian.media.interleaving import scaled

            scaled(cast("NDArray[np.int16]", samples), factor * STEP, place)
            return
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(samples, factor, out=place)
        if not np.isfinite(place).all():
            raise ValueError("samples hold NaN or infinities")

    def finish(self) -> None:
        """Write what is left, and how long it has become.

        Raises:
            ValueError: no frame was written, what was written last does not fit the bits, or something that was
                refused is missing.
            OSError: the disk refused it.
        """
        with self._counted():
            if not self._filled and not self._writing:
                raise ValueError("no frame of sound was written")
            self._wait()
            if self._filled:
                self._place.put(self._made(np.ascontiguousarray(self._block[:, : self._filled])))
            self._place.finish()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        if self._broken:
            raise ValueError("the sound lacks a block that could not be written")
        began = time.perf_counter()
        try:
            yield
        except BaseException:
            self._broken = True
            raise
        finally:
            self.seconds += time.perf_counter() - began

    def _check(self, samples: NDArray[Any], factor: float) -> None:
        if samples.ndim != 2 or samples.dtype not in (np.float32, np.int16):  # noqa: PLR2004
            raise ValueError(
                f"samples must be [channels, frames] float32 or int16, not {samples.ndim}-d {samples.dtype}"
            )
        if len(samples) != len(self._block):
            raise ValueError(f"samples have {len(samples)} channels, the file {len(self._block)}")
        if not abs(factor) <= MOST_FACTOR:
            raise ValueError(f"samples times {factor:g} are NaN or infinities")

    def _made(self, samples: Samples) -> Any:
        """What the file takes of a block, `[frames, channels]`."""
        return self._quantize(samples) if self._quantize else samples.T.copy()

    def _hand_over(self, made: Any) -> None:
        self._wait()
        self._writing = self._thread.submit(self._place.put, made)

    def _wait(self) -> None:
        if self._writing:
            self._writing.result()

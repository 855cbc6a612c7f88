"""Another sample rate: soxr for arrays, a windowed sinc for tensors. Both linear in phase, without delay.

Not for changing speed or pitch, nor for rates that drift: the ratio is fixed and exact.

| | flat within | up to | down by | from |
|---|---|---|---|---|
| arrays: soxr at its very high quality | 0.01 dB | 0.91 | 145 dB | 1 |
| tensors: `librarian.audio.sinc` | 0.0001 dB | 0.88 | 115 dB | 1 |

Frequencies are given as parts of half the lower of the two rates; what is down is aliases and images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, is_tensor
from librarian.audio.kernels import planar
from librarian.audio.sinc import SincResampler, frames_at

if TYPE_CHECKING:
    import torch

QUALITY = "VHQ"
"""Of soxr: computed in double precision; the next lower one saves less than half of the time."""

__all__ = ["Resampler", "frames_at", "resample"]


class Resampler:
    """Resamples a stream. However it is cut into blocks, the same samples come out.

    `add` gives what is ready so far, which lags behind; `end` gives the rest. Together they are `frames_at`
    frames, and the first of them has the time of the first that came in.

    Args:
        rate: Hz, of what comes in.
        to: Hz, of what goes out.
        channels: 1 or more.

    Raises:
        ValueError: a rate or the number of channels is not positive.

    >>> resampler = Resampler(44100, 16000, channels=2)
    >>> first = resampler.add(np.zeros((2, 44100), np.float32))
    >>> first.shape[1] + resampler.end().shape[1]
    16000
    """

    def __init__(self, rate: int, to: int, channels: int) -> None:
        if min(rate, to, channels) < 1:
            raise ValueError(f"from {rate} Hz to {to} Hz in {channels} channels: none of these may be below 1")
        self._streams = [] if rate == to else [_stream(rate, to) for _ in range(channels)]
        self._channels = channels

    def add(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take a block and give what is ready.

        Shape:
            - samples: `[channels, frames]`, any number of frames
            - output: `[channels, *]`

        Raises:
            ValueError: samples are not `[channels, frames]`.
        """
        samples = planar(samples)
        if len(samples) != self._channels:
            raise ValueError(f"expected {self._channels} channel(s), got {len(samples)}")
        return self._resampled(samples, last=False) if self._streams else samples

    def end(self) -> NDArray[np.float32]:
        """Give what is left, once, after the last block.

        Shape:
            - output: `[channels, *]`
        """
        return self._resampled(np.zeros((self._channels, 0), np.float32), last=True)

    def _resampled(self, samples: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        rows = [stream.resample_chunk(row, last) for stream, row in zip(self._streams, samples, strict=False)]
        return np.stack(rows) if rows else samples


def _stream(rate: int, to: int) -> Any:
    import soxr

    return soxr.ResampleStream(rate, to, num_channels=1, dtype="float32", quality=QUALITY)


def resample(samples: Array, rate: int, to: int) -> Array:
    """A whole sound at another rate: what `Resampler` makes of it, or `SincResampler` on the device of a tensor.

    Args:
        samples: −1…1; what comes out may rise a little above that.
        rate: Hz.
        to: Hz.

    Shape:
        - samples: `[channels, frames]`; a tensor may have any number of dimensions before frames
        - output: `[channels, frames_at(frames, rate, to)]`

    Raises:
        ValueError: a rate is not positive, or the shape another.

    >>> resample(np.zeros((2, 44101), np.float32), 44100, 48000).shape
    (2, 48001)
    """
    if is_tensor(samples):
        return _by_sinc(samples, rate, to)
    resampler = Resampler(rate, to, max(1, len(samples)))
    return np.concatenate([resampler.add(samples), resampler.end()], axis=1)


def _by_sinc(samples: torch.Tensor, rate: int, to: int) -> torch.Tensor:
    import torch

    resampler = SincResampler(rate, to)
    return torch.cat([resampler.add(samples), resampler.end()], dim=-1)

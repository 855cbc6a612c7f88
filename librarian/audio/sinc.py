"""Resampling of tensors, on their device: a sinc under a Kaiser window, one convolution for all phases.

Slower than soxr on a CPU, and not as steep: for sound that is on the GPU already, or shall go there anyway.

J. O. Smith, Digital Audio Resampling (https://ccrma.stanford.edu/~jos/resample/); torchaudio and julius put its
phases into one strided convolution, and so does this.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

ZEROS = 64
"""Zero crossings of the sinc on each side of a point."""

ATTENUATION = 122.0
"""dB, of all that half the lower rate cannot carry: as much as float32 sums are good for."""

KAISER_BETA = 0.1102 * (ATTENUATION - 8.7)
"""J. F. Kaiser's formula for windows of more than 50 dB."""

ROLLOFF = 1.0 / (1.0 + (ATTENUATION - 7.95) / (14.36 * ZEROS * 2))
"""Corner by half the lower rate. The Kaiser window's transition, (A − 7.95)/(14.36 N) of a rate wide, ends there."""

MOST_TAPS = 1 << 24
"""64 MiB of float32. Rates with a small common divisor (44100 and 44101 Hz) have more."""


def frames_at(frames: int, rate: int, to: int) -> int:
    """How many frames a sound has at another rate: frames · to / rate, halves rounded up.

    >>> frames_at(3, 48000, 24000)
    2
    """
    return (2 * frames * to + rate) // (2 * rate)


@functools.lru_cache(maxsize=16)
def phases(old: int, new: int) -> tuple[NDArray[np.float32], int]:
    """The filter for each of the `new` points that fall on `old` frames, and the frames it reaches back.

    Point p lies at p · old / new frames; its taps are h(n − p · old / new) with h(t) = sinc(ct) kaiser(ct / 64) and
    c = rolloff · min(1, new / old). Each phase is scaled to keep a constant exactly.

    Args:
        old: frames in, of the reduced ratio.
        new: frames out.

    Shape:
        - output: `[new, 2 * reach + old]`, and reach

    Raises:
        ValueError: the filter would be too large.

    >>> [phases(147, 160)[0].shape, phases(3, 1)[0].shape]
    [(160, 283), (1, 411)]
    """
    corner = ROLLOFF * min(1.0, new / old)
    reach = math.ceil(ZEROS / corner)
    if new * (2 * reach + old) > MOST_TAPS:
        raise ValueError(f"the ratio {new}:{old} is too fine for a tensor; resample it as an array")
    times = np.arange(-reach, reach + old) - np.arange(new)[:, np.newaxis] * old / new
    times *= corner
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (times / ZEROS) ** 2)))
    taps = np.sinc(times) * window * (np.abs(times) < ZEROS)
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32), reach


class SincResampler:
    """Resamples a stream of tensors. However it is cut into blocks, the same comes out within rounding (1e-6).

    `add` gives what is ready so far; `end` gives the rest. Together they are `frames_at` frames, and the first
    of them has the time of the first that came in.

    Args:
        rate: Hz, of what comes in.
        to: Hz, of what goes out.

    Raises:
        ValueError: a rate is not positive, or the ratio too fine.
    """

    def __init__(self, rate: int, to: int) -> None:
        if min(rate, to) < 1:
            raise ValueError(f"from {rate} Hz to {to} Hz: neither may be below 1")
        divisor = math.gcd(rate, to)
        self._old, self._new = rate // divisor, to // divisor
        self._taps, self._reach = phases(self._old, self._new)
        self._frames_in = self._frames_out = 0
        self._pending: torch.Tensor | None = None
        self._filter: torch.Tensor | None = None

    def add(self, samples: torch.Tensor) -> torch.Tensor:
        """Take a block and give what is ready.

        Shape:
            - samples: `[..., frames]` float32, on any device, the same for all blocks but for frames
            - output: `[..., *]`
        """
        import torch

        if self._old == self._new:
            self._pending = samples[..., :0]
            return samples
        if self._pending is None:
            self._pending = samples.new_zeros(*samples.shape[:-1], self._reach)
            self._filter = torch.from_numpy(self._taps).to(samples)[:, None]
        self._frames_in += samples.shape[-1]
        self._pending = torch.cat([self._pending, samples], dim=-1)
        return self._ready()

    def end(self) -> torch.Tensor:
        """Give what is left, once, after the last block.

        Shape:
            - output: `[..., *]`

        Raises:
            ValueError: no block was added, so that nobody knows the device.
        """
        import torch

        if self._pending is None:
            raise ValueError("nothing was added; add a block first, if an empty one")
        if self._old == self._new:
            return self._pending
        missing = frames_at(self._frames_in, self._old, self._new) - self._frames_out
        silence = self._pending.new_zeros(*self._pending.shape[:-1], self._reach + self._old)
        self._pending = torch.cat([self._pending, silence], dim=-1)
        return self._ready()[..., :missing]

    def _ready(self) -> torch.Tensor:
        """Convolve as many groups of `old` frames as have all their neighbours."""
        import torch

        assert self._pending is not None and self._filter is not None
        groups = max(0, (self._pending.shape[-1] - 2 * self._reach) // self._old)
        if not groups:
            return self._pending[..., :0]
        window = self._pending[..., : groups * self._old + 2 * self._reach]
        self._pending = self._pending[..., groups * self._old :]
        self._frames_out += groups * self._new
        flat = window.reshape(-1, 1, window.shape[-1])
        # TF32 would leave three digits.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            points = torch.nn.functional.conv1d(flat, self._filter, stride=self._old)
        return points.transpose(1, 2).reshape(*window.shape[:-1], groups * self._new)

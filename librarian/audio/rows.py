"""Rows of samples measured with torch: the same as `librarian.audio.energies` and `librarian.audio.peak`, in float64.

In float64, because nothing then depends on how a GPU rounds (TF32), and results differ from the CPU's by no more than
what is forgotten 100 ms before a tile: 1e-8 LU. A row is one channel of a tile, with the 100 ms before it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from librarian.audio import loudness, peak
from librarian.audio.energies import STEPS

if TYPE_CHECKING:
    import torch

FAST_FACTORS = (1, 3, 5, 9, 15)
"""FFTs are fast where a power of two times one of these is their length."""


def k_weighted(x: torch.Tensor, rate: int) -> torch.Tensor:
    """Through both filters of the K-weighting; right from 100 ms after the start.

    The filters' response, sampled at the frequencies of a transform, is that of their impulse response wrapped
    around: what it wraps lies in the first 100 ms (−200 dB after them).

    Shape:
        - x: `[rows, frames]` float64
        - output: `[rows, frames]`
    """
    import torch

    length = fast_length(x.shape[1])
    delay = torch.arange(length // 2 + 1, dtype=torch.float64, device=x.device) * (-2j * torch.pi / length)
    z = torch.exp(delay)
    response = torch.ones_like(z)
    for b0, b1, b2, a1, a2 in loudness.k_weighting(rate).tolist():
        response *= (b0 + z * (b1 + z * b2)) / (1.0 + z * (a1 + z * a2))
    y: torch.Tensor = torch.fft.irfft(torch.fft.rfft(x, length) * response, length)
    return y[:, : x.shape[1]]


def fast_length(frames: int) -> int:
    """The shortest length of a fast transform that has room for so many frames, an even one.

    >>> fast_length(1025), fast_length(1000)
    (1152, 1024)
    """
    return min(factor << max(1, (-(-frames // factor) - 1).bit_length()) for factor in FAST_FACTORS)


def step_energies(y: torch.Tensor, hop: int) -> torch.Tensor:
    """Sum of squares over each 10 ms, see `librarian.audio.energies`.

    Shape:
        - y: `[rows, hops * hop]`
        - output: `[rows, hops * 10]`
    """
    import torch

    squares = y.square().reshape(len(y), -1, hop)
    bounds = [hop * step // STEPS for step in range(STEPS + 1)]
    parts = [squares[:, :, start:stop].sum(2) for start, stop in pairwise(bounds)]
    return torch.stack(parts, 2).flatten(1)


def peaks(x: torch.Tensor, points: torch.Tensor, rate: int) -> torch.Tensor:
    """Sample peak and true peak of each row, see `librarian.audio.peak`.

    Shape:
        - x: `[rows, frames]` float64, zeros after the end
        - points: `[rows]`: of how many points between samples, from the first that 16 samples surround
        - output: `[2, rows]`, nan or inf where a sample is; linear
    """
    import torch

    sample = x.abs().amax(1)
    offsets = {1: [], 2: [1 / 2], 4: [1 / 4, 1 / 2, 3 / 4]}[peak.oversampling(rate)]
    if not offsets:
        return torch.stack([sample, sample])
    taps = torch.from_numpy(np.array([peak.interpolator(offset) for offset in offsets])).to(x.device)
    between = torch.nn.functional.conv1d(x[:, None], taps[:, None]).abs().amax(1)
    beyond = torch.arange(between.shape[1], device=x.device) >= points[:, None]
    true = torch.maximum(sample, between.masked_fill(beyond, 0.0).amax(1))
    return torch.stack([sample, torch.where(sample.isfinite(), true, sample)])

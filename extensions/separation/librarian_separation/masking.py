"""Separation by masks over a spectrogram: what the methods without weights have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian import UnusableInputError
from librarian.audio.arrays import joined, library, silence, zeros
from librarian.audio.spectral import istft, stft
from librarian_separation.chunked import ChunkModel

CPU = "cpu"

HOPS = 4
"""In a window."""

FAINT = 1e-9
"""Weight of the frames at the ends of a segment, where what the segment does not show is missing."""


def window_size(rate: int, seconds: float) -> int:
    """The power of two that is nearest to a duration, in frames (8 at least).

    >>> window_size(44100, 0.1), window_size(8000, 0.1)
    (4096, 1024)
    """
    return int(2 ** max(3, round(math.log2(rate * seconds))))


def plateau(segment: int, context: int) -> NDArray[np.float64]:
    """A window that is 1 but for the context at both ends, whose frames count only where there are no others.

    >>> plateau(4, 1).tolist()
    [1e-09, 1.0, 1.0, 1e-09]
    """
    window = np.ones(segment)
    window[:context] = window[segment - context :] = FAINT
    return window


class Masking(ChunkModel):
    """Separates by masks. Each segment stands in silence.

    The last stem is what the others leave of the mix, so that all of them add up to it within rounding (1e-6 of full
    scale). Masks lie between 0 and 1 and do not depend on the level: a sound half as loud gives stems half as loud,
    and silence gives silence.

    Args:
        rate: Hz.
        size: frames in a window, a multiple of 4.
        device: `cpu`, for arrays and compiled kernels; or one of torch, to which segments are brought.
        around: frames of silence on both sides of a segment, beyond half a window; a multiple of a quarter of the size.

    Attributes:
        size: frames in a window.
        grid: frames from one window to the next. Segments must begin on it for their windows to be those of the sound.
    """

    sample_rate: int
    channels: int | None = None

    def __init__(self, rate: int, size: int, device: str = CPU, around: int = 0) -> None:
        self.sample_rate, self._device = rate, device
        self.size, self.grid = size, size // HOPS
        self._around = around

    def frames_for(self, length: int) -> int:
        """No more than what there is: the context is in the segment, and silence comes by itself."""
        return length

    @abstractmethod
    def masks(self, spectra: Any) -> Sequence[Any]:
        """The masks of the first stems. The next one is what they leave of the mix; any after it are silent.

        Shape:
            - spectra: `[channels, bins, windows]` complex64
            - output: masks, each `[channels or 1, bins, windows]` float32
        """

    def __call__(self, mix: Any) -> Any:
        """Separate some segments, each by itself.

        Shape:
            - mix: `[batch, channels, frames]` float32, an array or a tensor
            - output: `[batch, stems, channels, frames]`, a tensor where it was built for one

        Raises:
            UnusableInputError: `corrupt` where a sample is NaN or infinite.
        """
        if self._device != CPU:
            import torch

            mix = torch.as_tensor(mix, device=self._device)
        if not bool(library(mix).isfinite(mix).all()):
            raise UnusableInputError("corrupt", "the sound has samples that are NaN or infinite")
        return library(mix).stack([self._separated(each) for each in mix])

    def _separated(self, mix: Any) -> Any:
        """`[channels, frames]` → `[stems, channels, frames]`."""
        frames = mix.shape[-1]
        around = silence(self._around, mix)
        spectra = stft(joined([around, mix, around]), self.size, self.grid, "constant")
        stems: Any = zeros([len(self.stems), *mix.shape], mix)
        masks = self.masks(spectra)
        for stem, mask in zip(stems, masks, strict=False):
            whole = istft(spectra * mask, self.grid, frames + 2 * self._around)
            stem[:] = whole[..., self._around : self._around + frames]
        stems[len(masks)] = mix - stems.sum(0)
        return stems

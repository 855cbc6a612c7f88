"""What stands in the middle of a stereo sound, between the loudspeakers.

Good for a voice in the middle with instruments at both sides, or for a speaker in a room recorded in stereo. What else
stands in the middle, mostly drums and bass, stays with the voice as far as it lies in the voice's band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from librarian import UnusableInputError
from librarian.audio.arrays import library
from librarian_separation.masking import CPU, Masking, plateau, window_size

STEREO = 2

WINDOW = 0.093
"""s."""

BAND = (120.0, 8000.0)
"""Hz between which there is a voice."""

SEGMENT = 10.0
"""s, without the context."""

TINY = 1e-30
"""Magnitude that stands in for none, so that silence is not divided by."""


class Centre(Masking):
    """A bin belongs to the middle as far as left and right are alike in it.

    C. Avendano and J.-M. Jot, A frequency-domain approach to multichannel upmix (2004): the similarity of left and
    right, ψ = 2 Re(L R*) / (|L|² + |R|²), is 1 for what stands in the middle. With the real part instead of the
    magnitude, opposite phases are not alike. One source in the middle and one that is only at the sides have
    |L − R| / |L + R| = √((1 − ψ) / (1 + ψ)) as the ratio of their magnitudes; the mask is (1 − that)².

    Cut into segments, a sound gives what it gives as a whole, within 1e-6 of full scale.

    Args:
        rate: Hz.
        size: frames in a window, a multiple of 4.
        device: see `Masking`.

    >>> import numpy as np
    >>> Centre.at(44100)(np.zeros((3, 2, 5000), np.float32)).shape
    (3, 2, 2, 5000)
    """

    stems = ("vocals", "accompaniment")
    channels = STEREO

    def __init__(self, rate: int, size: int, device: str = CPU) -> None:
        super().__init__(rate, size, device, around=size)
        self.hop = round(SEGMENT * rate / self.grid) * self.grid
        self.segment = self.hop + 2 * size
        self.window = plateau(self.segment, size)

    @classmethod
    def at(cls, rate: int, device: str = CPU) -> Self:
        """As it does best, at a sample rate (Hz)."""
        return cls(rate, window_size(rate, WINDOW), device)

    def masks(self, spectra: Any) -> Sequence[Any]:
        """That of the middle, for both channels."""
        refuse_all_but_stereo(len(spectra))
        return [in_band(alike(spectra) ** 2, self.size, self.sample_rate)]


def alike(spectra: Any) -> Any:
    """How far left and right are alike, 1 − |L − R| / |L + R|, and 0 where that is negative.

    Shape:
        - spectra: `[2, bins, windows]` complex64
        - output: `[1, bins, windows]` float32
    """
    left, right = spectra
    middle, sides = abs(left + right), abs(left - right)
    return (1.0 - sides / library(middle).maximum(middle, sides).clip(min=TINY))[None]


def in_band(mask: Any, size: int, rate: int) -> Any:
    """A mask of windows of `size` frames, made 0 outside the band of voices.

    Shape:
        - mask: `[..., bins, windows]`, changed
    """
    mask[..., : math.ceil(BAND[0] * size / rate), :] = 0.0
    mask[..., math.floor(BAND[1] * size / rate) + 1 :, :] = 0.0
    return mask


def refuse_all_but_stereo(channels: int) -> None:
    """Raise an error unless there are two channels."""
    if channels == 1:
        raise UnusableInputError("unsupported", "a mono sound has no centre; separate it with repet or a model")
    if channels != STEREO:
        raise UnusableInputError("unsupported", f"centre is for stereo, and this sound has {channels} channels")

"""A voice over music that repeats itself: what is not there in similar moments is the voice.

Good for a singer or a speaker over accompaniment with loops, riffs or chords that come again, in mono too. Not for
music that never repeats itself, nor for what lasts a few seconds: there all is taken for the voice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import joined, library, silence
from librarian.audio.masks import soft_mask
from librarian.audio.networks import median_of_rows
from librarian.audio.similarity import similar_frames
from librarian_separation.centre import STEREO, alike, refuse_all_but_stereo
from librarian_separation.masking import CPU, HOPS, Masking, window_size

WINDOW = 0.093
"""s."""

MOST = 25
"""Similar moments of which the median is taken."""

APART = 0.5
"""s between a moment and those that count as its repetition."""

DEEP = 100.0
"""Hz below which there is no voice."""

SEGMENT, FADE = 60.0, 5.0
"""s in which repetitions are looked for, and over which one segment passes into the next."""


class Repet(Masking):
    """The median over the most similar windows is the repeating part, and the voice what exceeds it.

    Z. Rafii and B. Pardo, Music/voice separation using the similarity matrix (2012), with two changes. Similarity is
    that of square roots of magnitudes, so that the loudest partials, often the voice's, do not decide alone. Similar
    windows may follow each other, as in `librosa.decompose.nn_filter`; only the neighbourhood of the window itself is
    left out.

    Args:
        rate: Hz.
        size: frames in a window, a multiple of 4.
        most: similar windows.
        apart: windows between a window and those that count as its repetition.
        power: of the mask.
        device: see `Masking`.

    >>> Repet.at(44100)(np.zeros((3, 1, 5000), np.float32)).shape
    (3, 2, 1, 5000)
    """

    stems = ("vocals", "accompaniment")

    def __init__(self, rate: int, size: int, most: int, apart: int, power: float = 2.0, device: str = CPU) -> None:
        super().__init__(rate, size, device)
        self._most, self._apart, self._power = most, apart, power
        self._deep = math.ceil(DEEP * size / rate)
        self.segment, fade = round(SEGMENT * rate), round(FADE * rate)
        self.hop = self.segment - fade
        self.window = trapezium(self.segment, fade)

    @classmethod
    def at(cls, rate: int, device: str = CPU) -> Self:
        """As it does best, at a sample rate (Hz)."""
        size = window_size(rate, WINDOW)
        return cls(rate, size, MOST, round(APART * rate * HOPS / size), device=device)

    def frames_for(self, length: int) -> int:
        """A whole segment: what comes before a short end shows how it repeats itself."""
        return self.segment

    def masks(self, spectra: Any) -> Sequence[Any]:
        """That of the voice, channel by channel; what is similar, all channels decide."""
        of = library(spectra)
        levels = abs(spectra).swapaxes(-1, -2)
        rows = similar_frames(of.sqrt(levels.mean(0)), self._most, self._apart)
        return [of.stack([self._voice(channel, rows) for channel in levels])]

    def _voice(self, levels: Any, rows: Any) -> Any:
        repeating = library(levels).minimum(levels, median_of_rows(levels, rows))
        mask = soft_mask(levels - repeating, repeating, self._power)
        mask[:, : self._deep] = 0.0
        return mask.swapaxes(-1, -2)

    def _separated(self, mix: Any) -> Any:
        """Without the silence at both ends, which costs time and repeats nothing."""
        sounding = library(mix).any(mix != 0, 0).nonzero()
        places = sounding[0] if isinstance(sounding, tuple) else sounding[:, 0]
        if not len(places):
            return library(mix).stack([mix] * len(self.stems))
        first, last = int(places[0]), int(places[-1]) + 1
        stems = super()._separated(mix[..., first:last])
        return joined([silence(first, stems), stems, silence(mix.shape[-1] - last, stems)])


class CentredRepet(Repet):
    """That of the voice which stands in the middle too: the share of the voice times that of the middle, in stereo.

    >>> CentredRepet.at(44100)(np.zeros((3, 2, 5000), np.float32)).shape
    (3, 2, 2, 5000)
    """

    channels = STEREO

    def masks(self, spectra: Any) -> Sequence[Any]:
        """Both masks in one."""
        refuse_all_but_stereo(len(spectra))
        return [mask * alike(spectra) for mask in super().masks(spectra)]


def trapezium(segment: int, fade: int) -> NDArray[np.float64]:
    """A window that is 1 but for straight sides, above 0 everywhere.

    >>> trapezium(4, 1).tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    up = np.arange(1, segment + 1) / (fade + 1)
    return np.minimum(1.0, np.minimum(up, up[::-1]))

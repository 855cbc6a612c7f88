"""The peak of a sound as ideal interpolation has it: all frequencies up to half the rate, nothing filtered away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import planar

FRAMES, EDGE = 1 << 14, 1 << 11
"""Of a transform, and of the slope at each of its ends: a sinc over 4096 samples at least."""

OFFSETS = (1 / 4, 1 / 2, 3 / 4)
"""Points between two samples; a parabola through three of them finds the crest."""

MISSED = 0.08
"""dB of a crest that a parabola misses at the most: of a tone of half the rate, whose points are 1/8 of it apart."""

SLOPE = 0.92
"""Of a crest, what its highest point is at least: cos(π / 8), at half the rate."""

FAINT = 0.25
"""12 dB under the level that is of interest no sample is looked at: noise of two values rises by 9 dB."""


class IdealPeak:
    """Finds the greatest magnitude, between the samples too, of a sound that comes in blocks.

    A meter after ITU-R BS.1770 (`librarian.audio.peak`) looks through a short filter, which passes less and less from
    0.4 of the rate on; so does every player, each with a filter of its own. This is what none of them exceeds by more
    than its own ripple: white noise, clipped sound and digital square waves rise a dB and more above what meters say.
    The Fourier transform of long stretches interpolates, so it takes about as long as limiting.

    Args:
        channels: of the sound.
        level: linear; what stays 12 dB under it is passed by.

    >>> found = IdealPeak(1, 1.0)
    >>> found.add(np.ones((1, 2)))  # between them lies 4 / π
    >>> round(found.end(), 2)
    1.27
    """

    def __init__(self, channels: int, level: float) -> None:
        self._held = np.zeros((channels, EDGE), np.float32)
        self._floor = FAINT * level
        self._best = 0.0
        ramp = np.sin(np.pi / 2 * (np.arange(EDGE) + 0.5) / EDGE) ** 2
        self._window = np.concatenate([ramp, np.ones(FRAMES - 2 * EDGE), ramp[::-1]]).astype(np.float32)
        bins = np.arange(FRAMES // 2 + 1) * (2j * np.pi / FRAMES)
        self._shifts = [np.exp(bins * offset).astype(np.complex64) for offset in OFFSETS]

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take a block.

        Args:
            samples: finite.

        Shape:
            - samples: `[channels, frames]`
        """
        self._held = np.concatenate([self._held, planar(samples)], axis=1)
        step = FRAMES - 2 * EDGE
        at = 0
        while self._held.shape[1] - at >= FRAMES:
            for channel in self._held[:, at : at + FRAMES]:
                self._look_at(channel)
            at += step
        self._held = self._held[:, at:]

    def heard(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The blocks of a sound, looked at as they pass."""
        for samples in blocks:
            self.add(samples)
            yield samples

    def end(self) -> float:
        """The peak, linear, once all blocks were added."""
        self.add(np.zeros((len(self._held), FRAMES), np.float32))
        return self._best

    def _look_at(self, samples: NDArray[np.float32]) -> None:
        if np.abs(samples).max() <= self._floor:
            return
        spectrum = np.fft.rfft(samples * self._window)
        points = np.stack([samples, *(np.fft.irfft(spectrum * shift, FRAMES) for shift in self._shifts)])
        heights = np.abs(points.T.reshape(-1)[len(points) * EDGE - 1 : len(points) * (FRAMES - EDGE) + 1])
        self._best = max(self._best, float(heights.max()))
        places = 1 + np.flatnonzero(heights[1:-1] > SLOPE * self._best)
        before, here, after = (heights[places + step] for step in (-1, 0, 1))
        crests = (here >= before) & (here >= after) & (2 * here > before + after)
        before, here, after = before[crests], here[crests], after[crests]
        tops = here + (before - after) ** 2 / (8 * (2 * here - before - after))
        self._best = max(self._best, float(tops.max(initial=0.0)))

"""Cepstra of speech at 16 kHz: the shape of the spectrum every 20 ms, without its level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.audio.mel import mel_filters
from librarian.audio.spectral import stft
from librarian_diarization.sound import RATE
from librarian_diarization.units import HOP

SIZE, BANDS = 512, 32
LOW, HIGH = 80.0, 7600.0
"""Hz."""
COUNT = 19
"""Coefficients, from the second of the cosine transform on: the first is the level."""
FLOOR = 1e-4
"""Of the mean power of speech, added to each band: what is 40 dB below it is not told apart."""
SPOKEN = 1e-3
"""Of the mean power of speech, from which on a frame says something of a voice."""


class Cepstra:
    """Computes cepstra.

    Args:
        level: mean power of speech in the recording; above 0.
    """

    def __init__(self, level: float) -> None:
        self._filters = mel_filters(RATE, SIZE, BANDS, low=LOW, high=HIGH, equal_area=False)
        window = np.hanning(SIZE + 1)[:-1]
        self._level = level * float((window**2).sum()) * SIZE / 2
        angles = np.pi / BANDS * (np.arange(BANDS) + 0.5)
        self._cosines = np.sqrt(2.0 / BANDS) * np.cos(np.arange(1, COUNT + 1)[:, np.newaxis] * angles)

    def of(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The cepstra of a piece of sound, and which of them are of something loud enough.

        Shape:
            - samples: `[frames]`, more than 256
            - output: `[frames // 320 + 1, 19]`, `[frames // 320 + 1]`
        """
        spectra = stft(samples, SIZE, HOP)
        power = spectra.real**2 + spectra.imag**2
        bands = self._filters @ power + self._level / BANDS * FLOOR
        return (self._cosines @ np.log(bands)).T.astype(np.float32), power.sum(axis=0) > SPOKEN * self._level

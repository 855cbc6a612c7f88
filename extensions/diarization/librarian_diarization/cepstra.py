"""The shape of the spectrum of speech at 16 kHz every 20 ms, in bands, and without its level as cepstra."""

from __future__ import annotations

from typing import Any

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
_ANGLES = np.pi / BANDS * (np.arange(BANDS) + 0.5)
_COSINES = (np.sqrt(2.0 / BANDS) * np.cos(np.outer(_ANGLES, np.arange(1, COUNT + 1)))).astype(np.float32)


class Bands:
    """Computes the power in bands.

    Args:
        level: mean power of speech in the recording; above 0.
    """

    def __init__(self, level: float) -> None:
        self._filters = mel_filters(RATE, SIZE, BANDS, low=LOW, high=HIGH, equal_area=False)
        window = np.hanning(SIZE + 1)[:-1]
        self._level = level * float((window**2).sum()) * SIZE / 2

    def of(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The logarithms of the power of a piece of sound, by that of speech, and what of it is loud enough.

        Shape:
            - samples: `[frames]`, more than 256
            - output: `[frames // 320 + 1, 32]`, `[frames // 320 + 1]`
        """
        spectra = stft(samples, SIZE, HOP)
        power = (spectra.real**2 + spectra.imag**2) / self._level
        bands = self._filters @ power + FLOOR / BANDS
        return np.log(bands).T.astype(np.float32), power.sum(axis=0) > SPOKEN


def cepstra(bands: NDArray[Any]) -> NDArray[np.float32]:
    """The cepstra of logarithmic bands.

    Shape:
        - bands: `[frames, 32]`
        - output: `[frames, 19]`
    """
    return np.asarray(bands.astype(np.float32) @ _COSINES)

"""How loud the windows of a sound are: its pauses, its speech, its silence."""

from __future__ import annotations

import numpy as np

from librarian.audio.windows import Windows

SILENT = 1e-6
"""Variance of a window (−60 dBFS) below which it is silence."""
NOISE, SPEECH = 15.0, 95.0
"""Percentiles of the windows that are taken for pauses and for speech."""
FAINTEST, LOUDEST, PER_DECIBEL = -150, 20, 10
"""The histogram's ends (dBFS) and its bins."""


class Floor:
    """Noise floor and speech-to-noise ratio, from a histogram of the 20 ms windows' levels.

    After the quick method of NIST's stnr (Speech Quality Assurance package): a window's power is its variance, and the
    ratio lies between two percentiles of their levels, here the 95th (speech) and the 15th (noise), a pair in common
    use. It is a *peak* ratio: of voices with noise added it reads 2 to 5 dB above that of mean powers. It knows nothing
    of speech: where less than 15 % of the time is a pause (music, several voices at once) noise and ratio are those of
    the quietest passages, and where the noise changes they say less. Windows of digital silence are left out of it.
    To 0.1 dB.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((LOUDEST - FAINTEST) * PER_DECIBEL, np.int64)
        self._silent = self._frames = 0

    def add(self, windows: Windows) -> None:
        """Take in some windows; a shorter one counts for less."""
        powers = windows.powers.mean(axis=0)
        self._frames += int(windows.frames.sum())
        self._silent += int(windows.frames[powers < SILENT].sum())
        heard = powers > 0.0
        levels = 10.0 * np.log10(powers[heard])
        bins = np.clip(((levels - FAINTEST) * PER_DECIBEL).astype(np.int64), 0, self._counts.size - 1)
        np.add.at(self._counts, bins, windows.frames[heard])

    @property
    def silence_share(self) -> float:
        """Share of the time below −60 dBFS RMS."""
        return self._silent / self._frames if self._frames else 1.0

    def level(self, percentile: float) -> float | None:
        """The level (dBFS RMS) that so many percent of the windows do not exceed; None where all is digital silence."""
        total = int(self._counts.sum())
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self._counts), percentile / 100.0 * total))
        return FAINTEST + (place + 0.5) / PER_DECIBEL

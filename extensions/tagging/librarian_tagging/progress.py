"""Progress tones of a line, and the special information tone: which sounds in each window of 100 ms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.audio.spectral import StftStream
from librarian_tagging.bursts import Burst, Bursts
from librarian_tagging.lines import RATE, Spectra, Values, together
from librarian_tagging.plans import INFORMATION, LINES, TOLERANCE, Tone

SIZE, HOP = 800, 160
"""100 ms every 20 ms: bins of 10 Hz, so that 440 and 480 Hz are two lines."""
LEAST = 0.25
"""Share of the band's power from which a tone sounds."""
TWIST = 0.12
"""Part of the stronger line's power that the weaker one has at least (−9 dB)."""
ALONE = 0.2
"""Part of a lone line's power that no other line of the table may have (−7 dB)."""
HOLES = 2


class ProgressTones:
    """Finds the bursts of tones. Their numbers are those of the tones; behind them come those of `INFORMATION`.

    Args:
        tones: to look for.
    """

    def __init__(self, tones: Sequence[Tone]) -> None:
        self._tones = tones
        self._stream: StftStream[NDArray[Any]] = StftStream(SIZE, HOP, padding="constant")
        self._bursts = Bursts(HOP / RATE, HOLES)

    def add(self, samples: NDArray[np.float32]) -> Iterator[Burst]:
        """Take a block, `[frames]` at 8 kHz, and give the bursts that have ended."""
        yield from self._look(self._stream.add(samples))

    def end(self) -> Iterator[Burst]:
        """Give what is left."""
        yield from self._look(self._stream.end())
        yield from self._bursts.end()

    def _look(self, spectra: NDArray[np.complex64]) -> Iterator[Burst]:
        if not spectra.shape[1]:
            return
        windows = Spectra(spectra)
        scores = self._scores(windows)
        best = scores.argmax(axis=0)
        share = scores[best, np.arange(len(windows))]
        what = np.where(share >= LEAST, best, -1)
        yield from self._bursts.add(what, share, share * windows.band)

    def _scores(self, windows: Spectra) -> Values:
        """The share of each tone.

        Shape:
            - output: `[tones, windows]`
        """
        lines = {line: windows.share(line, TOLERANCE) for line in LINES}
        found = []
        for tone in self._tones:
            own = [lines[line] for line in tone.lines]
            if len(own) > 1:
                found.append(together(own, TWIST))
            else:
                others = np.max([share for line, share in lines.items() if line not in tone.lines], axis=0)
                found.append(np.where(others <= ALONE * own[0], own[0], 0.0))
        return np.stack([*found, *(windows.peak(low, high) for low, high in INFORMATION)])

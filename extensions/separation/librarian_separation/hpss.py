"""Held tones, strokes, and what is neither: harmonic/percussive separation by medians.

Good for music: drums apart from what has a pitch, to listen to either, or to analyse chords and beats. Not for voices:
their vowels go with the tones, their consonants with the strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from librarian.audio.masks import soft_mask
from librarian.audio.medians import running_median
from librarian_separation.masking import CPU, HOPS, Masking, plateau, window_size

WINDOW = 0.186
"""s. Long, so that the partials of chords stand apart."""

HELD = 0.3
"""s over which a tone is expected to last."""

BROAD = 150.0
"""Hz over which a stroke is expected to spread."""

SEGMENT = 10.0
"""s, without the context."""


class Hpss(Masking):
    """Medians along time keep tones, medians along frequency keep strokes; masks share out the spectrum.

    D. FitzGerald, Harmonic/percussive separation using median filtering (2010). With a margin above 1, J. Driedger,
    M. Müller and S. Disch, Extending harmonic-percussive separation of audio signals (2014): a bin goes to the tones or
    the strokes as far as the one exceeds the other by it, and else to the residual; with soft masks, those of
    `librosa.decompose.hpss`: H² / (H² + (β P)²) and P² / (P² + (β H)²) with the margin β.

    Cut into segments, a sound gives what it gives as a whole, within 1e-6 of full scale.

    Args:
        rate: Hz.
        size: frames in a window, a multiple of 4.
        held: windows that a median along time covers, odd.
        broad: bins that a median along frequency covers, odd.
        margin: 1 or more; at 1 there is no residual.
        power: of the masks.
        device: see `Masking`.

    >>> import numpy as np
    >>> Hpss.at(44100)(np.zeros((3, 2, 5000), np.float32)).shape
    (3, 3, 2, 5000)
    """

    stems = ("harmonic", "percussive", "residual")

    def __init__(
        self, rate: int, size: int, held: int, broad: int, margin: float = 1.0, power: float = 2.0, device: str = CPU
    ) -> None:
        context = (held // 2) * (size // HOPS) + size
        super().__init__(rate, size, device, around=context)
        self._held, self._broad, self._margin, self._power = held, broad, margin, power
        self.hop = round(SEGMENT * rate / self.grid) * self.grid
        self.segment = self.hop + 2 * context
        self.window = plateau(self.segment, context)

    @classmethod
    def at(cls, rate: int, margin: float = 1.0, device: str = CPU) -> Self:
        """As it does best, at a sample rate (Hz)."""
        size = window_size(rate, WINDOW)
        return cls(rate, size, odd(HELD * rate * HOPS / size), odd(BROAD * size / rate), margin, device=device)

    def masks(self, spectra: Any) -> Sequence[Any]:
        """Of the tones; with a margin, of the strokes too."""
        levels = abs(spectra)
        tones = running_median(levels, self._held, axis=-1)
        strokes = running_median(levels, self._broad, axis=-2)
        harmonic = soft_mask(tones, strokes * self._margin, self._power)
        if self._margin == 1.0:
            return [harmonic]
        return [harmonic, soft_mask(strokes, tones * self._margin, self._power)]


def odd(number: float) -> int:
    """The odd number that is nearest, 1 or more.

    >>> odd(6.4), odd(0.2)
    (7, 1)
    """
    return 2 * max(0, round((number - 1) / 2)) + 1

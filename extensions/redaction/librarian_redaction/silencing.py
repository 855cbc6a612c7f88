"""Stretches of a sound become silence or a tone as it goes by; fades lie outside of them, and all else stays as it is.

Whole numbers stay whole: what was read as int16 is written as int16, and nothing is rounded outside of a fade.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.media import Sampled
from librarian_redaction.stretches import Frames, Stretches

STEPS = 1 << 15
"""In full scale of 16 bits."""
RAMP = 0.005
"""Of a tone, within its stretch (s)."""


@dataclass(frozen=True)
class Instead:
    """What is heard in a stretch.

    Attributes:
        rate: Hz, of the sound.
        frequency: of the tone (Hz); 0: silence.
        level: its peak; full scale is 1.
    """

    rate: int
    frequency: float = 0.0
    level: float = 0.0

    def samples(self, stretch: Frames, first: int, behind: int) -> NDArray[np.float32]:
        """The samples of some frames in a stretch: they hang on nothing but their place.

        Shape:
            `[frames]`
        """
        if not self.frequency:
            return np.zeros(behind - first, np.float32)
        place = np.arange(first, behind, dtype=np.float64)
        edge = np.minimum(place - stretch[0] + 1, stretch[1] - place) / max(1.0, RAMP * self.rate)
        wave = np.sin(2 * np.pi * self.frequency / self.rate * place)
        return (self.level * np.clip(edge, 0, 1) * wave).astype(np.float32)


def silenced(blocks: Iterable[Sampled], stretches: Stretches, instead: Instead) -> Iterator[Sampled]:
    """The sound, block after block, with something else in its stretches.

    Args:
        blocks: `[channels, frames]` each.
        stretches: no two closer than their fades.
        instead: what is heard there.
    """
    offset, fade = 0, stretches.fade
    for block in blocks:
        behind = offset + block.shape[1]
        here = stretches.within(offset, behind)
        made = block.copy() if here else block
        for start, end in here:
            _fade(made, offset, start - fade, start, down=True)
            _put(made, offset, (start, end), instead)
            _fade(made, offset, end, end + fade, down=False)
        yield made
        offset = behind


def _fade(block: Sampled, offset: int, start: int, end: int, *, down: bool) -> None:
    """A raised cosine over frames `start` to `end` of the sound, of which a block holds some."""
    first, behind = max(start, offset), min(end, offset + block.shape[1])
    if first >= behind:
        return
    along = (np.arange(first, behind) - start + 0.5) / (end - start)
    gain = 0.5 + 0.5 * np.cos(np.pi * along) * (1 if down else -1)
    part = block[:, first - offset : behind - offset]
    part[:] = np.rint(part * gain) if block.dtype == np.int16 else part * gain


def _put(block: Sampled, offset: int, stretch: Frames, instead: Instead) -> None:
    first, behind = max(stretch[0], offset), min(stretch[1], offset + block.shape[1])
    if first < behind:
        made = instead.samples(stretch, first, behind)
        block[:, first - offset : behind - offset] = np.rint(made * STEPS) if block.dtype == np.int16 else made

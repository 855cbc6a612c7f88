"""Sound in which no word stands: what nobody wrote down, nobody searched."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from librarian.audio.overlap import recut
from librarian.media import Sampled, floats
from librarian_redaction.stretches import Time, joined

HOP = 0.05
"""Time of a level (s)."""
BELOW_LOUD, FAINTEST = 20.0, -60.0
"""What is no more than so far (dB) below the 95th percentile of the levels, and above so much (dBFS), is sound."""
NEAR = 0.3
"""Around a word, sound is taken for its (s)."""
SHORTEST, PAUSE = 0.3, 0.3
"""Sound that is shorter says nothing; shorter pauses in it belong to it (s)."""
_AT_ONCE = 100


def levels(blocks: Iterable[Sampled], rate: int) -> array[float]:
    """Mean level of all channels (dBFS), each `HOP` seconds: 3 MB for ten hours."""
    hop = max(1, round(HOP * rate))
    found = array("f")
    for block in recut(blocks, hop * _AT_ONCE):
        samples = floats(block).astype(np.float64)
        powers = np.square(samples).mean(axis=0)
        starts = np.arange(0, len(powers), hop)
        means = np.add.reduceat(powers, starts) / np.minimum(hop, len(powers) - starts)
        found.extend((10 * np.log10(means + 1e-20)).tolist())
    return found


def uncovered(found: Sequence[float], covered: Iterable[Time]) -> list[Time]:
    """Stretches of sound far from every word (s), in order.

    Args:
        found: as `levels` gives them.
        covered: when words are said, and what is taken, in any order (s).
    """
    heard = np.asarray(found)
    loud = float(np.percentile(heard, 95)) if heard.size else FAINTEST
    sounds = heard > max(FAINTEST, loud - BELOW_LOUD)
    for start, end in covered:
        sounds[max(0, round((start - NEAR) / HOP)) : round((end + NEAR) / HOP)] = False
    places = np.flatnonzero(sounds)
    apart = joined([(place * HOP, (place + 1) * HOP) for place in places.tolist()], PAUSE)
    return [(start, end) for start, end in apart if end - start >= SHORTEST - HOP / 2]

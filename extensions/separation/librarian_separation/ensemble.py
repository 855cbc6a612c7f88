"""What separates a sound: one network, or several that each count for some of its stems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from librarian_separation.arrangement import Group
from librarian_separation.chunked import ChunkModel
from librarian_separation.joining import Lane

MOST_SHIFT = 0.5
"""By how much the shift trick shifts at the most (s)."""


@dataclass(frozen=True)
class Member:
    """A network, and how much it counts for each stem."""

    model: ChunkModel
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Ensemble:
    """What separates a sound.

    Attributes:
        members: they have stems, rate and channels in common.
        standardized: whether the sound is brought to mean 0 and deviation 1 first, and the stems back, as Demucs does.
    """

    members: tuple[Member, ...]
    standardized: bool = False

    @property
    def stems(self) -> tuple[str, ...]:
        """In the order of the estimates."""
        return self.members[0].model.stems

    @property
    def sample_rate(self) -> int | None:
        """Hz of the sound that it wants; None: any."""
        return self.members[0].model.sample_rate

    @property
    def channels(self) -> int | None:
        """Of the sound that it wants; None: any."""
        return self.members[0].model.channels

    def lanes(self, groups: tuple[Group, ...], wanted: NDArray[np.bool_], shifts: int, seed: int) -> Iterator[Lane]:
        """All that a sound has to go through: each network, at each shift, for each group of its channels.

        Networks that count for no wanted stem are left out. The shifts are drawn as `demucs.apply.apply_model` draws
        them, network by network.

        Args:
            groups: of its channels.
            wanted: which stems are.
            shifts: how many times each network is asked; 0: once, without a shift.
            seed: of the shifts.
        """
        random, number = Random(seed), 0
        most = int(MOST_SHIFT * (self.sample_rate or 0))
        total = np.sum([member.weights for member in self.members], axis=0)
        for member in self.members:
            weights = np.array(member.weights) / total / max(1, shifts)
            for _ in range(max(1, shifts)):
                delay = most - random.randint(0, most) if shifts else 0
                for group in groups if (weights[wanted] > 0).any() else ():
                    yield Lane(number, member.model, group, weights, delay)
                    number += 1

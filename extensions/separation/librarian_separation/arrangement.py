"""Which channels of a sound a model is given together, when it wants another number of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian import UnusableInputError
from librarian.audio.layout import LAYOUTS

STEREO = 2


@dataclass(frozen=True)
class Group:
    """Channels that go through a model together.

    Attributes:
        channels: their numbers in the sound.
        wanted: how many the model is given: one channel is doubled, and the mean of its estimates taken.
    """

    channels: tuple[int, ...]
    wanted: int

    def given(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[channels of the sound, frames]` → `[wanted, frames]`."""
        own = samples[list(self.channels)]
        return own if len(own) == self.wanted else np.repeat(own, self.wanted, axis=0)

    def taken(self, estimates: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[stems, wanted, frames]` → `[stems, channels, frames]`."""
        if len(self.channels) == self.wanted:
            return estimates
        return np.asarray(estimates.mean(axis=1, keepdims=True))


def groups(channels: int, layout: str, wanted: int | None) -> tuple[Group, ...]:
    """How the channels of a sound are given to a model.

    As they are where it wants so many or any number. Otherwise, for a model of two channels, a left and a right that
    stand opposite each other go together, every other channel alone; for a model of one, each alone.

    Args:
        channels: of the sound.
        layout: their order, a name of `librarian.audio.layout.LAYOUTS`; empty where nobody knows it, and then each of
            more than two is alone.
        wanted: by the model; None: any.

    Raises:
        UnusableInputError: `unsupported` where the model wants more than two, and another number.

    >>> [group.channels for group in groups(6, "5.1", 2)]
    [(0, 1), (2,), (3,), (4, 5)]
    """
    if wanted is None or wanted == channels:
        return (Group(tuple(range(channels)), channels),)
    if wanted > STEREO:
        raise UnusableInputError("unsupported", f"the model wants {wanted} channels, and the sound has {channels}")
    pairs = _pairs(channels, layout) if wanted == STEREO else {}
    alone = set(range(channels)) - {channel for pair in pairs.items() for channel in pair}
    found = [(left, right) for left, right in pairs.items()] + [(channel,) for channel in alone]
    return tuple(Group(each, wanted) for each in sorted(found))


def _pairs(channels: int, layout: str) -> dict[int, int]:
    """Left → right, of those that stand opposite each other."""
    places = LAYOUTS.get(layout, "").split()
    if len(places) != channels:
        return {}
    mirrored = {place: place.replace("L", "R") for place in places if "L" in place and place != "LFE"}
    return {places.index(left): places.index(right) for left, right in mirrored.items() if right in places}

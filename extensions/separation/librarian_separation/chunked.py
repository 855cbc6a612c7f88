"""What separates one segment of sound at a time, with a model or without: all that the flow knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from librarian_separation import SeparateSettings


class ChunkModel(Protocol):
    """Separates segments of sound. Inherit from it: what is a whole method here holds for most.

    Attributes:
        stems: what it separates into, in the order of its estimates.
        sample_rate: Hz of the sound that it wants; None: any, it was built for the sound's own.
        channels: of the sound that it wants; None: any.
        segment: frames of a segment.
        hop: frames from one segment to the next, 1 to `segment`.
        window: weights above 0 of the frames of a segment, where the estimates of two of them overlap.
    """

    stems: tuple[str, ...]
    sample_rate: int | None
    channels: int | None
    segment: int
    hop: int
    window: NDArray[np.float64]

    def __call__(self, mix: Any) -> Any:
        """Separate some segments, each by itself: what else is in a batch plays no part.

        Shape:
            - mix: `[batch, channels, frames_for(length)]` float32, an array
            - output: `[batch, stems, channels, frames_for(length)]`, an array or a tensor
        """

    def frames_for(self, length: int) -> int:
        """How many frames it is to be given for a segment of which the sound fills `length` (1 to `segment`).

        What it is given beyond that is the sound on both sides, and silence where there is none; what it makes of it
        is thrown away.
        """
        return self.segment


Builder = Callable[["SeparateSettings", int, int, str], ChunkModel]
"""(settings, rate in Hz, channels, device) → what separates a sound of that rate and number of channels."""

"""The one form of array that the CPU kernels are compiled for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def planar(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """The samples as every kernel takes them, copied only where they differ.

    They are compiled once more for each other dtype or memory order, a second every time.

    Shape:
        - samples: `[channels, frames]`
        - output: `[channels, frames]` float32, C order, writeable

    Raises:
        ValueError: samples are not `[channels, frames]`.
    """
    if samples.ndim != 2:  # noqa: PLR2004
        raise ValueError(f"expected [channels, frames], got {samples.ndim} dimension(s)")
    return np.require(samples, np.float32, ["C", "A", "W"])

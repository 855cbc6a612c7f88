"""What the CPU kernels share: how they are compiled, and the one form of array they are compiled for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def kernel(function: Compiled) -> Compiled:
    """Compile on the first call and keep the machine code on disk; the kernel runs without the GIL.

    Fast-math stays off: no sum is reordered and nothing is fused, so that every machine gives the same bits.
    """
    return cast(Compiled, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def planar(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """The samples as every kernel takes them, copied only where they differ.

    numba compiles once more for each other dtype, memory order or write protection, a second every time.

    Shape:
        - samples: `[channels, frames]`
        - output: `[channels, frames]` float32, C order, writeable

    Raises:
        ValueError: samples are not `[channels, frames]`.
    """
    if samples.ndim != 2:  # noqa: PLR2004
        raise ValueError(f"expected [channels, frames], got {samples.ndim} dimension(s)")
    return np.require(samples, np.float32, ["C", "A", "W"])

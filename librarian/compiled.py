"""How functions over samples are compiled, for `audio` and `media`. Imported in workers only: numba comes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def kernel(function: Compiled) -> Compiled:
    """Compile on the first call and keep the machine code on disk; the kernel runs without the GIL.

    Where nothing can be kept, every process compiles anew. Fast-math stays off: no sum is reordered and nothing is
    fused, so that every machine gives the same bits.
    """
    try:
        return cast(Compiled, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # no folder for the cache: one that cannot be written to, and no NUMBA_CACHE_DIR
        return cast(Compiled, numba.njit(nogil=True, error_model="numpy")(function))

"""Many arrays of one shape in one piece of memory."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


class Rows(Generic[Number]):
    """Arrays of one shape and type, one behind the other.

    Each by itself, they would lie between large ones that come and go, and leave holes when those have gone.

    >>> rows = Rows(np.uint8)
    >>> rows.add(np.zeros((2, 3), np.uint8)), len(rows), rows.all().shape
    (None, 1, (1, 2, 3))
    """

    def __init__(self, dtype: type[Number]) -> None:
        self._dtype, self._held = dtype, bytearray()
        self._shape: tuple[int, ...] = ()
        self._length = 0

    def __len__(self) -> int:
        """Their number."""
        return self._length

    def add(self, row: NDArray[Number]) -> None:
        """Put one at the end."""
        self._held += row.tobytes()
        self._shape = row.shape
        self._length += 1

    def all(self) -> NDArray[Number]:
        """All of them; none can be added while what is given back is in use.

        Shape:
            - output: `[rows, ...]`
        """
        return np.frombuffer(self._held, self._dtype).reshape(self._length, *self._shape)

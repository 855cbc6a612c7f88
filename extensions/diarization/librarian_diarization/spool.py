"""Rows of numbers that are too many to be held, in a file without a name that is gone with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1 << 13

Rows = NDArray[np.float16]


class Spool:
    """Rows of float16, until it is closed.

    Args:
        folder: on whose disk they lie.
        columns: numbers of a row.
    """

    def __init__(self, folder: Path, columns: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)
        self._columns, self._length = columns, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        """The number of rows."""
        return self._length

    def append(self, rows: NDArray[np.floating]) -> None:
        """Put rows at the end.

        Shape:
            - rows: `[rows, columns]`
        """
        self._file.write(np.ascontiguousarray(rows, np.float16).data)
        self._length += len(rows)

    def blocks(self) -> Iterator[Rows]:
        """All rows, some at once."""
        for start in range(0, self._length, AT_ONCE):
            yield self._read(start, min(self._length, start + AT_ONCE))

    def rows(self, places: NDArray[np.intp]) -> Rows:
        """Some of them.

        Args:
            places: their numbers, ascending.

        Shape:
            - output: `[places, columns]`
        """
        edges = np.flatnonzero(np.diff(places) != 1) + 1
        runs = [run for run in np.split(places, edges) if len(run)]
        found = [self._read(int(run[0]), int(run[-1]) + 1) for run in runs]
        return np.concatenate(found) if found else np.zeros((0, self._columns), np.float16)

    def _read(self, start: int, end: int) -> Rows:
        self._file.flush()
        width = 2 * self._columns
        data = os.pread(self._file.fileno(), (end - start) * width, start * width)
        return np.frombuffer(data, np.float16).reshape(-1, self._columns)

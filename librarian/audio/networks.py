"""The median over chosen rows of a table, for all columns side by side: by a sorting network, which has no branches.

For tens of rows. On a CPU each step of the network orders two rows of a block in the cache, one instruction for as
many columns as a register holds; on a GPU all chosen rows are laid out and sorted, some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, is_tensor
from librarian.compiled import kernel

if TYPE_CHECKING:
    import torch

LANES = 64
"""Columns side by side: with some tens of rows they fit the first cache."""

VALUES_AT_ONCE = 1 << 26
"""Laid out on a GPU: 256 MiB."""


def median_of_rows(values: Array, rows: Array) -> Array:
    """For each list of rows, the median of every column over them: of two in the middle, their mean.

    Equal to `numpy.median` of the same rows.

    Args:
        values: no NaN among them.
        rows: which rows, as `similar_frames` gives them: −1 is none, and comes after all others.

    Shape:
        - values: `[any, columns]` float32
        - rows: `[lists, most]` integers
        - output: `[lists, columns]`; 0 where a list is empty

    Raises:
        ValueError: values are not float32, or there is no such row.

    >>> values = np.array([[1, 10], [2, 0], [9, 50]], np.float32)
    >>> median_of_rows(values, np.array([[0, 1, 2], [0, 2, -1], [-1, -1, -1]])).tolist()
    [[2.0, 10.0], [5.0, 30.0], [0.0, 0.0]]
    """
    if is_tensor(values):
        return _by_sorting(values, rows)
    if values.dtype != np.float32:
        raise ValueError(f"expected float32, got {values.dtype}")
    if rows.size and not -1 <= rows.min() <= rows.max() < len(values):
        raise ValueError(f"rows from {rows.min()} to {rows.max()}, but there are {len(values)}")
    slots = rows.shape[1] + rows.shape[1] % 2
    table = np.require(values, requirements=["C", "A", "W"])
    medians = np.zeros((len(rows), values.shape[1]), np.float32)
    _medians(table, np.require(rows, np.int64, ["C"]), _steps(slots), np.empty((slots, LANES), np.float32), medians)
    return medians


@cache
def _steps(slots: int) -> NDArray[np.uint64]:
    """The pairs to be ordered, one after the other, until the two in the middle stand there.

    Unsigned, because an index that may be negative keeps the loop over the columns from being vectorised.
    """
    wanted, steps = {slots // 2 - 1, slots // 2}, []
    for low, high in reversed(list(_merge_sort(slots))):
        if low in wanted or high in wanted:
            steps.append((low, high))
            wanted |= {low, high}
    return np.array(steps[::-1], np.uint64).reshape(-1, 2)


def _merge_sort(slots: int) -> Iterator[tuple[int, int]]:
    """K. E. Batcher, Sorting networks and their applications (1968): odd-even merge sort, for any number of slots."""
    size = 1
    while size < slots:
        step = size
        while step:
            for start in range(step % size, slots - step, 2 * step):
                for low in range(start, min(start + step, slots - step)):
                    if low // (2 * size) == (low + step) // (2 * size):
                        yield low, low + step
            step //= 2
        size *= 2


@kernel
def _order(block: NDArray[np.float32], steps: NDArray[np.uint64]) -> None:
    """In a function of its own, because otherwise it is not vectorised."""
    for step in range(steps.shape[0]):
        low, high = steps[step, 0], steps[step, 1]
        for lane in range(block.shape[1]):
            one, other = block[low, lane], block[high, lane]
            block[low, lane] = one if one < other else other
            block[high, lane] = other if one < other else one


@kernel
def _medians(
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    steps: NDArray[np.uint64],
    block: NDArray[np.float32],
    medians: NDArray[np.float32],
) -> None:
    """Medians of lists of any length by one network: free slots hold +∞ and −∞ in turn.

    So the two in the middle of an even number of values stand in the two slots in the middle, and the one in the middle
    of an odd number in the lower of them.

    Shape:
        - block: `[slots, lanes]`, to work in
        - medians: `[lists, columns]`, zeros
    """
    columns, none = values.shape[1], np.float32(np.inf)
    slots, lanes = block.shape
    for each in range(len(rows)):
        count = 0
        while count < rows.shape[1] and rows[each, count] >= 0:
            count += 1
        if not count:
            continue
        lower, upper = slots // 2 - 1, slots // 2 - count % 2
        for first in range(0, columns, lanes):
            used = min(lanes, columns - first)
            for slot in range(count):
                for lane in range(used):
                    block[slot, lane] = values[rows[each, slot], first + lane]
            for slot in range(count, slots):
                block[slot] = -none if (slot - count) % 2 else none
            _order(block, steps)
            for lane in range(used):
                medians[each, first + lane] = (block[lower, lane] + block[upper, lane]) / np.float32(2.0)


def _by_sorting(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    import torch

    some = max(1, VALUES_AT_ONCE // max(1, rows.shape[1] * values.shape[1]))
    return torch.cat([_sorted_middle(values, part) for part in torch.split(rows, some)])


def _sorted_middle(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    import torch

    chosen = values[rows.clamp_min(0)].masked_fill((rows < 0)[:, :, None], torch.inf)
    ordered, counts = chosen.sort(dim=1).values, (rows >= 0).sum(1)
    every = torch.arange(len(rows), device=rows.device)
    lower, upper = ((counts - 1) // 2).clamp_min(0), (counts // 2).clamp_max(rows.shape[1] - 1)
    return ((ordered[every, lower] + ordered[every, upper]) / 2).masked_fill((counts == 0)[:, None], 0.0)

"""The running median, along one axis: what tells held tones from strokes, and both from what is between.

Not for long windows: the time for a value grows with the width. On a CPU many lines are filtered side by side; on a
GPU all windows are laid out and sorted, some lines at a time.

D. FitzGerald, Harmonic/percussive separation using median filtering (2010), is the usual customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, is_tensor
from librarian.compiled import kernel

if TYPE_CHECKING:
    import torch

Edges = Literal["reflect", "mirror"]
"""What lies beyond the ends of `a b c`: `reflect` is `c b a | a b c | c b a`, `mirror` is `c b | a b c | b a`."""

LANES = 128
"""Columns side by side. Known to the kernel only as it runs: a loop of known length is unrolled, not vectorised."""

SIGN = np.int32(31)
"""The bit."""

MAGNITUDE = np.int32(0x7FFFFFFF)

LEAST = np.int32(-0x80000000)

WINDOWS_AT_ONCE = 1 << 26
"""Values laid out on a GPU: 256 MiB."""


def running_median(values: Array, width: int, axis: int = -1, edges: Edges = "reflect") -> Array:
    """The median of the `width` values around each value.

    Equal to `scipy.ndimage.median_filter(values, size, mode=edges)`, with a size of `width` along the axis and of 1
    along the others; and right where scipy is not, in windows longer than the axis.

    Args:
        values: no NaN among them.
        width: odd, 1 or more.
        axis: along which.
        edges: what lies beyond the ends.

    Shape:
        - values: any, float32, not empty along the axis
        - output: that of values

    Raises:
        ValueError: the width is even or below 1, the axis has nothing on it, or values are not float32.

    >>> running_median(np.array([1, 9, 2, 3, 0], np.float32), 3).tolist()
    [1.0, 2.0, 3.0, 2.0, 0.0]
    """
    if width < 1 or not width % 2:
        raise ValueError(f"a median of {width} values has none in the middle; the width must be odd")
    if not values.shape[axis]:
        raise ValueError("the axis has no values")
    around = _neighbours(values.shape[axis], width // 2, edges)
    if is_tensor(values):
        return _by_sorting(values, around, width, axis)
    if values.dtype != np.float32:
        raise ValueError(f"expected float32, got {values.dtype}")
    columns = np.moveaxis(values, axis, 0)
    flat = np.require(columns.reshape(len(columns), -1), requirements=["A", "W"])
    bits = (flat if flat.flags.forc else np.ascontiguousarray(flat)).view(np.int32)
    medians, lanes = np.empty_like(bits), min(LANES, bits.shape[1])
    window, ring = np.empty((width + 1, lanes), np.int32), np.empty((width, lanes), np.int32)
    _medians(bits, around, width, window, ring, np.empty((3, lanes), np.int32), medians)
    return np.moveaxis(medians.view(np.float32).reshape(columns.shape), 0, axis)


def _neighbours(count: int, half: int, edges: Edges) -> NDArray[np.int64]:
    """The index that stands at each place from `half` before the first to `half` after the last."""
    places = np.arange(-half, count + half)
    period = 2 * count if edges == "reflect" else max(1, 2 * count - 2)
    places %= period
    return np.minimum(places, period - places - (edges == "reflect"))


@kernel
def _medians(
    bits: NDArray[np.int32],
    around: NDArray[np.int64],
    width: int,
    window: NDArray[np.int32],
    ring: NDArray[np.int32],
    rows: NDArray[np.int32],
    medians: NDArray[np.int32],
) -> None:
    """Medians down the columns.

    Each lane keeps the window of its column in order. Where one value goes and one comes, all others stay or move by
    one place:

        without[i] = window[i] if window[i] < gone else window[i + 1]
        window[i] = min(max(came, without[i - 1]), without[i])

    which has no branches: one instruction for as many lanes as a register holds. With the bits below the sign flipped
    where it is set, floats are ordered like integers, whose least and greatest need no test for NaN. A window starts
    full of the least number, which the values before the first median push out.

    Shape:
        - bits, medians: `[lines, columns]`
        - window: `[width + 1, lanes]`, to work in
        - ring: `[width, lanes]`, to work in
        - rows: `[3, lanes]`, to work in
    """
    lines, lanes = bits.shape[1], rows.shape[1]
    came, gone, before = rows[0], rows[1], rows[2]
    for first in range(0, lines, lanes):
        used = min(lanes, lines - first)
        window[:], window[width], ring[:], came[:] = LEAST, MAGNITUDE, LEAST, LEAST
        for step in range(around.size):
            row, place = around[step], step % width
            for lane in range(used):
                value = bits[row, first + lane]
                came[lane] = value ^ ((value >> SIGN) & MAGNITUDE)
            for lane in range(lanes):
                gone[lane] = ring[place, lane]
                ring[place, lane] = came[lane]
                before[lane] = LEAST
            for i in range(width):
                for lane in range(lanes):
                    here = window[i, lane]
                    without = here if here < gone[lane] else window[i + 1, lane]
                    window[i, lane] = min(max(came[lane], before[lane]), without)
                    before[lane] = without
            if step >= width - 1:
                for lane in range(used):
                    value = window[width // 2, lane]
                    medians[step - width + 1, first + lane] = value ^ ((value >> SIGN) & MAGNITUDE)


def _by_sorting(values: torch.Tensor, around: NDArray[np.int64], width: int, axis: int) -> torch.Tensor:
    import torch

    lines = values.movedim(axis, -1)
    flat = lines.reshape(-1, lines.shape[-1])
    places = torch.from_numpy(around).to(values.device)
    some = max(1, WINDOWS_AT_ONCE // (width * flat.shape[1]))
    medians = [part[:, places].unfold(-1, width, 1).median(dim=-1).values for part in torch.split(flat, some)]
    return torch.cat(medians).reshape(lines.shape).movedim(-1, axis)

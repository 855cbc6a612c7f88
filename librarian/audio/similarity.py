"""Which frames of a sound are like which: the self-similarity of its spectra, some rows of it at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, is_tensor

if TYPE_CHECKING:
    import torch

ROWS = 256
"""Of the similarity matrix at a time: the whole of it would take 4 bytes for each pair of frames."""

NONE = -1
"""Stands where there is no further frame."""

QUIET = 1e-30
"""Length below which a frame has no direction."""


def similar_frames(spectra: Array, most: int, apart: int) -> Array:
    """The frames that are most like each frame, by the cosine of the angle between them.

    Z. Rafii and B. Pardo, Music/voice separation using the similarity matrix (2012). Those nearby are like
    it because sound changes slowly, not because it repeats itself: they are left out, and so is the frame itself.

    Args:
        spectra: magnitudes or what is made of them, finite.
        most: how many frames for each, 1 or more.
        apart: frames between it and them, 1 or more.

    Shape:
        - spectra: `[frames, bins]` float32
        - output: `[frames, most]` integers in no order; −1, at the end, where there are fewer

    Raises:
        ValueError: most or apart are below 1.

    >>> spectra = np.array([[1, 0], [0, 1], [1, 0.1], [0, 1], [1, 0]], np.float32)
    >>> similar_frames(spectra, most=1, apart=1).tolist()
    [[4], [3], [0], [1], [0]]
    """
    if most < 1 or apart < 1:
        raise ValueError(f"{most} frames at a distance of {apart}: both must be 1 or more")
    if is_tensor(spectra):
        return _of_tensor(spectra, most, apart)
    count, found = len(spectra), min(most, len(spectra))
    lengths = np.linalg.norm(spectra, axis=1, keepdims=True)
    units = spectra / np.maximum(lengths, QUIET)
    rows = np.full((count, most), NONE)
    for start in range(0, count, ROWS):
        likeness = units[start : start + ROWS] @ units.T
        _leave_out(likeness, start, apart)
        best = np.argpartition(-likeness, found - 1, axis=1)[:, :found]
        there = np.take_along_axis(likeness, best, axis=1) > -np.inf
        order = np.argsort(~there, axis=1, kind="stable")
        rows[start : start + ROWS, :found] = np.take_along_axis(np.where(there, best, NONE), order, axis=1)
    return rows


def _leave_out(likeness: NDArray[np.float32], start: int, apart: int) -> None:
    for row, values in enumerate(likeness, start):
        values[max(0, row - apart + 1) : row + apart] = -np.inf


def _of_tensor(spectra: torch.Tensor, most: int, apart: int) -> torch.Tensor:
    import torch

    count, found = len(spectra), min(most, len(spectra))
    units = spectra / torch.linalg.vector_norm(spectra, dim=1, keepdim=True).clamp_min(QUIET)
    places = torch.arange(count, device=spectra.device)
    rows = torch.full((count, most), NONE, device=spectra.device)
    for start in range(0, count, ROWS):
        likeness = units[start : start + ROWS] @ units.T
        near = (places[start : start + ROWS, None] - places).abs() < apart
        values, best = likeness.masked_fill(near, -torch.inf).topk(found, dim=1)
        rows[start : start + ROWS, :found] = best.masked_fill(values == -torch.inf, NONE)
    return rows

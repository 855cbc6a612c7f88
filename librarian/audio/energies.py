"""Energy of the K-weighted signal every 10 ms: what every measure of loudness is a sum of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import kernel
from librarian.audio.tiles import LANES

STEPS = 10
"""In a hop of 100 ms. Step i of a hop of n frames starts at frame floor(n · i / 10) of it."""

PIECE = 128

INAUDIBLE = 1e-30
"""Added to every sample: without it the filters decay to subnormal numbers in silence, at half the speed."""

SILENT = 1e-50
"""More energy than what is added has in 10 ms, less than anything that could be heard."""


@kernel
def _energies(x: NDArray[np.float32], hop: int, biquads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squares of the K-weighted signal over each 10 ms of a tile, the 100 ms before it left out.

    A recursion cannot be vectorised along time, so the tile is cut into 16 lanes that run side by side. Each
    starts 100 ms early: by then the slowest pole, at 38 Hz, has forgotten what was before (−200 dB).
    """
    b0, b1, b2, a1, a2 = biquads[0, 0], biquads[0, 1], biquads[0, 2], biquads[0, 3], biquads[0, 4]
    d1, d2 = biquads[1, 3], biquads[1, 4]
    hops = (x.size - 1) // hop
    hops_per_lane = (hops + LANES - 1) // LANES
    energies = np.zeros(LANES * hops_per_lane * STEPS)
    state = np.zeros((5, LANES))
    piece = np.zeros((PIECE, LANES), np.float32)
    for step in range((hops_per_lane + 1) * STEPS):
        start = step // STEPS * hop + step % STEPS * hop // STEPS
        stop = step // STEPS * hop + (step % STEPS + 1) * hop // STEPS
        for offset in range(start, stop, PIECE):
            frames = min(PIECE, stop - offset)
            for lane in range(LANES):
                first = lane * hops_per_lane * hop + offset
                there = max(0, min(frames, x.size - first))
                for i in range(there):
                    piece[i, lane] = x[first + i]
                for i in range(there, frames):
                    piece[i, lane] = 0.0
            for i in range(frames):
                for lane in range(LANES):
                    v = np.float64(piece[i, lane]) + INAUDIBLE
                    y = b0 * v + state[0, lane]
                    state[0, lane] = b1 * v - a1 * y + state[1, lane]
                    state[1, lane] = b2 * v - a2 * y
                    z = y + state[2, lane]
                    state[2, lane] = state[3, lane] - 2.0 * y - d1 * z
                    state[3, lane] = y - d2 * z
                    state[4, lane] += z * z
        for lane in range(LANES):
            if step >= STEPS:
                energies[lane * hops_per_lane * STEPS + step - STEPS] = state[4, lane]
            state[4, lane] = 0.0
    return energies


def energies(
    tile: NDArray[np.float32], lead: int, biquads: NDArray[np.float64], weights: Sequence[float]
) -> NDArray[np.float64]:
    """Sum of squares of the K-weighted channels over each whole 10 ms of a tile, times their weights.

    Args:
        tile: of `librarian.audio.tiles.Tiles`.
        lead: how many frames of it come before: 100 ms.
        biquads: of `librarian.audio.loudness.k_weighting`.
        weights: of the channels; those of weight 0 are not looked at.

    Shape:
        - tile: `[channels, lead + frames]`
        - output: `[steps]`
    """
    hops, left = divmod(tile.shape[1] - lead, lead)
    steps = hops * STEPS + ((left + 1) * STEPS - 1) // lead
    total = np.zeros(steps)
    for weight, channel in zip(weights, tile, strict=True):
        if weight:
            total += weight * _energies(channel, lead, biquads)[:steps]
    total[total < SILENT] = 0.0
    return total

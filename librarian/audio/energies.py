"""Energy of the K-weighted signal every 10 ms: what every measure of loudness is a sum of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from librarian.audio.tiles import LANES
from librarian.compiled import kernel

STEPS = 10
"""In a hop of 100 ms. Step i of a hop of n frames starts at frame floor(n · i / 10) of it."""

PIECE = 128

INAUDIBLE = 1e-30
"""Added to every sample: without it the filters decay to subnormal numbers in silence, at half the speed."""

SILENT = 1e-50
"""More energy than what is added has in 10 ms, less than anything that could be heard."""


@kernel
def _energies(
    x: NDArray[np.float32],
    hop: int,
    biquads: NDArray[np.float64],
    state: NDArray[np.float64],
    piece: NDArray[np.float32],
    energies: NDArray[np.float64],
) -> None:
    """Sum of squares of the K-weighted signal over each 10 ms of 16 lanes of whole hops, and of the hop before.

    A recursion cannot be vectorised along time, so the lanes run side by side. Each starts 100 ms early: by
    then the slowest pole, at 38 Hz, has forgotten what was before (−200 dB).

    Shape:
        - state: `[5, LANES]`, zeros, to work in
        - piece: `[PIECE, LANES]`, to work in
        - energies: `[LANES, steps]`
    """
    b1, b2, a1, a2 = biquads[0, 1] / biquads[0, 0], biquads[0, 2] / biquads[0, 0], biquads[0, 3], biquads[0, 4]
    d1, d2 = biquads[1, 3], biquads[1, 4]
    lane_frames = (x.size - hop) // LANES
    lane_steps = lane_frames // hop * STEPS
    for step in range(-STEPS, lane_steps):
        whole, part = step // STEPS + 1, step % STEPS
        stop = whole * hop + (part + 1) * hop // STEPS
        for start in range(whole * hop + part * hop // STEPS, stop, PIECE):
            frames = min(PIECE, stop - start)
            for i in range(frames):
                for lane in range(LANES):
                    piece[i, lane] = x[lane * lane_frames + start + i]
            for i in range(frames):
                for lane in range(LANES):
                    v = np.float64(piece[i, lane]) + INAUDIBLE
                    y = v + state[0, lane]
                    state[0, lane] = b1 * v - a1 * y + state[1, lane]
                    state[1, lane] = b2 * v - a2 * y
                    z = y + state[2, lane]
                    state[2, lane] = state[3, lane] - 2.0 * y - d1 * z
                    state[3, lane] = y - d2 * z
                    state[4, lane] += z * z
        for lane in range(LANES):
            if step >= 0:
                energies[lane, step] = state[4, lane] * biquads[0, 0] ** 2
            state[4, lane] = 0.0


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
    frames = tile.shape[1] - lead
    total = np.zeros(whole_steps(frames, lead))
    missing = -frames % (LANES * lead)
    for weight, channel in zip(weights, tile, strict=True):
        if weight:
            x = np.pad(channel, (0, missing)) if missing else channel
            found = np.empty((LANES, (x.size - lead) // LANES // lead * STEPS))
            _energies(x, lead, biquads, np.zeros((5, LANES)), np.empty((PIECE, LANES), np.float32), found)
            total += weight * found.ravel()[: len(total)]
    total[total < SILENT] = 0.0
    return total


def whole_steps(frames: int, hop: int) -> int:
    """How many steps of 10 ms end within so many frames, with `hop` frames in 100 ms."""
    hops, left = divmod(frames, hop)
    return hops * STEPS + ((left + 1) * STEPS - 1) // hop

"""When tokens were said, by where a decoder looked: dynamic time warping over its cross-attention.

As OpenAI's whisper and transformers do it: attention is standardized over tokens, smoothed over time by a median, and
the mean over heads is the score of a path that never goes back. Compiled, for plain Python takes a second a window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian.compiled import kernel

if TYPE_CHECKING:
    import torch

SMOOTHED = 7
"""Frames of the median."""
LEAST_DEVIATION = 1e-8


def score(weights: torch.Tensor) -> torch.Tensor:
    """How well each token fits each frame, summed over heads.

    Shape:
        - weights: `[heads, tokens, frames]`, attention of one sound without what was padded
        - output: `[tokens, frames]`
    """
    import torch

    deviation = weights.std(dim=-2, keepdim=True, unbiased=False)
    scaled = (weights - weights.mean(dim=-2, keepdim=True)) / deviation.clamp_min(LEAST_DEVIATION)
    around = SMOOTHED // 2
    if scaled.shape[-1] > around:
        padded = torch.nn.functional.pad(scaled, (around, around), "reflect")
        scaled = padded.unfold(-1, SMOOTHED, 1).median(dim=-1).values
    return scaled.sum(dim=0)


def onsets(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """The frame at which each token begins, on the path with the greatest score.

    Shape:
        - scores: `[tokens, frames]`, at least one of each
        - output: `[tokens]`, never falling

    >>> onsets(np.array([[3.0, 3, 0, 0], [0, 0, 3, 3]])).tolist()
    [0, 2]
    """
    tokens, frames = scores.shape
    best = np.full((tokens + 1, frames + 1), -np.inf)
    came = np.zeros((tokens + 1, frames + 1), np.int64)
    found = np.zeros(tokens, np.int64)
    _walk(np.ascontiguousarray(scores, np.float64), best, came, found)
    return found


@kernel
def _walk(
    scores: NDArray[np.float64], best: NDArray[np.float64], came: NDArray[np.int64], found: NDArray[np.int64]
) -> None:
    tokens, frames = scores.shape[0], scores.shape[1]
    best[0, 0] = 0.0
    for token in range(1, tokens + 1):
        for frame in range(1, frames + 1):
            both, down, along = best[token - 1, frame - 1], best[token - 1, frame], best[token, frame - 1]
            before, step = along, 2
            if both > before:
                before, step = both, 0
            if down > before:
                before, step = down, 1
            best[token, frame] = before + scores[token - 1, frame - 1]
            came[token, frame] = step
    token, frame = tokens, frames
    while token > 0:
        found[token - 1] = frame - 1
        last = came[token, frame]
        if last != 2:  # noqa: PLR2004 (along: the token stays)
            token -= 1
        if last != 1:
            frame -= 1

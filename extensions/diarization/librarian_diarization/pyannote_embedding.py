"""Voices of a chunk: the network is applied once to its sound, and its statistics are pooled once for each voice.

A voice's mask enters the network at the pooling of statistics, behind everything that costs time. The library applies
the whole network once for each voice of each chunk; the same numbers come out of one application a chunk with as many
poolings as there are voices.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.pyannote_stack import (
    BaseWeSpeakerResNet,
    Model,
    PyannoteAudioPretrainedSpeakerEmbedding,
    XVectorSincNet,
    contained,
    torch,
)

POOLS_MANY = (BaseWeSpeakerResNet, XVectorSincNet)
"""Networks whose pooling takes the masks of several voices, `[batch, voices, frames]`, for one sound."""


class Embedder:
    """Embeds the voices of chunks.

    Args:
        network: on its device.
        exclude_overlap: whether a voice is heard only where no other speaks, if that is long enough.

    Attributes:
        applied: chunks that the network was applied to.
    """

    def __init__(self, network: Model, *, exclude_overlap: bool) -> None:
        self._network, self._exclude_overlap = network, exclude_overlap
        self._least: int | None = None
        self._silent: NDArray[np.float32] | None = None
        self.applied = 0

    @property
    def dimension(self) -> int:
        """Numbers of an embedding."""
        return int(self._network.dimension)

    def __call__(self, sounds: torch.Tensor, active: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embeddings of all voices. A chunk where nobody speaks costs nothing.

        All are computed at once, on a CPU one chunk after the other: with more, what a layer holds leaves the caches.

        Args:
            sounds: the chunks.
            active: 1 where a voice speaks in a frame of a chunk, else 0.

        Shape:
            - sounds: `[chunks, 1, samples]`
            - active: `[chunks, frames, voices]`
            - output: `[chunks, voices, dimension]`
        """
        chunks, _, voices = active.shape
        spoken = np.flatnonzero(active.any(axis=(1, 2)))
        out = np.empty((chunks, voices, self.dimension), np.float32)
        if len(spoken) < chunks:
            out[:] = self._of_silence(sounds[:1], active.shape[1])
        masks = self._masks(active, sounds.shape[-1])
        at_once = 1 if self._network.device.type == "cpu" else max(1, len(spoken))
        for first in range(0, len(spoken), at_once):
            some = spoken[first : first + at_once]
            out[some] = self._embedded(sounds[some], masks[some])
        self.applied += len(spoken)
        return out

    def _masks(self, active: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
        """Where each voice is heard, `[chunks, voices, frames]`."""
        masks = active.transpose(0, 2, 1)
        if self._exclude_overlap:
            alone = masks * (active.sum(axis=2) < 2)[:, None]  # noqa: PLR2004 (two that speak at once)
            enough = alone.sum(axis=2, keepdims=True) > self._least_frames(active.shape[1], samples)
            masks = np.where(enough, alone, masks)
        return np.ascontiguousarray(masks, np.float32)

    def _least_frames(self, frames: int, samples: int) -> int:
        """Frames of a chunk that are as long as the shortest sound that the network can be applied to."""
        if self._least is None:
            with contained():
                whole = PyannoteAudioPretrainedSpeakerEmbedding(self._network, device=self._network.device)
                self._least = whole.min_num_samples
        return math.ceil(frames * self._least / samples)

    def _of_silence(self, sound: torch.Tensor, frames: int) -> NDArray[np.float32]:
        """What pooling makes of a mask of zeros, whatever the sound: every statistic is 0."""
        if self._silent is None:
            self._silent = self._embedded(sound, np.zeros((1, 1, frames), np.float32))[0, 0]
        return self._silent

    def _embedded(self, sounds: torch.Tensor, masks: NDArray[np.float32]) -> NDArray[np.float32]:
        weights = torch.from_numpy(masks).to(self._network.device)
        sounds = sounds.to(self._network.device)
        with torch.inference_mode(), contained():
            if isinstance(self._network, POOLS_MANY):
                return self._network(sounds, weights=weights).cpu().numpy()  # type: ignore[no-any-return]
            each = self._network(sounds.repeat_interleave(masks.shape[1], 0), weights=weights.flatten(0, 1))
            return each.unflatten(0, masks.shape[:2]).cpu().numpy()  # type: ignore[no-any-return]

"""What Parakeet and Canary hear: log-mel features as transformers makes them, each sound by its own mean and level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import ParakeetFeatureExtractor

from librarian_transcription.recognizer import RATE, Samples

SHORTEST = 1600
"""Samples: of less there is no level to be taken."""
HOP = 160


class Features:
    """The features of a FastConformer encoder.

    Args:
        config: of the encoder.
        device: where they are made.
        dtype: that the model computes with.
    """

    def __init__(self, config: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._extract = ParakeetFeatureExtractor(feature_size=config.num_mel_bins, sampling_rate=RATE)
        self._device, self._dtype = device, dtype
        self.frame = HOP * config.subsampling_factor / RATE
        """Seconds of a frame of the encoder."""

    def __call__(self, sounds: Sequence[Samples]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features, and which of their frames count.

        Shape:
            - sounds: `[samples]` each
            - output: `[sounds, frames, bands]` and `[sounds, frames]`
        """
        # Each by itself: where a band holds nothing, as a telephone's above 4 kHz, its level is next to 0, and how a
        # sum over padding is rounded would be heard.
        made = [self._one(sound) for sound in sounds]
        features = torch.nn.utils.rnn.pad_sequence([row for row, _ in made], batch_first=True)
        lengths = torch.tensor([length for _, length in made], device=self._device)
        mask = torch.arange(features.shape[1], device=self._device) < lengths[:, None]
        return features.to(self._dtype), mask

    def _one(self, sound: Samples) -> tuple[torch.Tensor, int]:
        padded = np.pad(sound, (0, max(0, SHORTEST - len(sound))))
        made = self._extract(padded, sampling_rate=RATE, return_tensors="pt", device=str(self._device))
        return made["input_features"][0].to(self._device), int(made["attention_mask"].sum())

"""Moonshine: English, small, at a cost that grows with the length of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.models.moonshine.modeling_moonshine import MoonshineEncoderModelOutput

from librarian_transcription.recognizer import RATE, Encoded, Samples, Traits
from librarian_transcription.sequence import Sequential, stacked
from librarian_transcription.spelling import Pieces

STEP = 64 * 3 * 2
"""Samples from one frame of the encoder to the next: the strides of its convolutions."""
SHORTEST = 895
"""Samples of which the convolutions make a frame at all."""
TOKENS_A_SECOND = 13
"""At the most, whatever the script: more are a loop (its authors; 6.5 in Latin script)."""


class Moonshine(Sequential):
    """A Moonshine."""

    _frame = STEP / RATE

    def __init__(self, folder: Path, model: Any) -> None:
        traits = Traits(family="moonshine", longest=20.0, bridged=1.0, times="attention", retries=True)
        super().__init__(model, Pieces(folder), traits)

    def _encode(self, sounds: Sequence[Samples]) -> tuple[torch.Tensor, Sequence[int]]:
        lengths = [max(SHORTEST, len(sound)) for sound in sounds]
        states, frames = [], []
        for sound, length in zip(sounds, lengths, strict=True):  # a group norm hears what is padded: each by itself
            given = torch.from_numpy(np.pad(sound, (0, length - len(sound))))[None].to(self._device, self._model.dtype)
            states.append(self._model.model.encoder(given).last_hidden_state[0])
            frames.append(len(states[-1]))
        return torch.nn.utils.rnn.pad_sequence(states, batch_first=True), frames

    def _encoder_outputs(self, encoded: Sequence[Encoded]) -> MoonshineEncoderModelOutput:
        states, mask = stacked(encoded)
        return MoonshineEncoderModelOutput(last_hidden_state=states, attention_mask=mask)

    def _prompt(self, language: str) -> list[int]:
        return [self._model.config.decoder_start_token_id]

    def _most_tokens(self, seconds: float) -> int:
        return 8 + int(seconds * TOKENS_A_SECOND)

    @property
    def _most_positions(self) -> int:
        return int(self._model.config.max_position_embeddings)

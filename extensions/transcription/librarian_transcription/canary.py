"""Canary: a FastConformer encoder and a decoder that is told, or finds out, the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.models.parakeet.modeling_parakeet import ParakeetEncoderModelOutput

from librarian_transcription.features import Features
from librarian_transcription.languages import tag_of
from librarian_transcription.recognizer import Encoded, Samples, Traits
from librarian_transcription.sequence import Sequential, stacked
from librarian_transcription.spelling import Pieces

BEFORE = ("<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>")
BEHIND = ("<|pnc|>", "<|noitn|>", "<|notimestamp|>", "<|nodiarize|>")
"""What the decoder is told before and behind the language spoken and the one to be written (NeMo's canary2 prompt)."""
TOKENS_A_SECOND = 25


class Canary(Sequential):
    """A Canary."""

    def __init__(self, folder: Path, model: Any) -> None:
        spelling = Pieces(folder)
        self._languages = {tag_of(name): number for name, number in spelling.languages().items() if name != "pnc"}
        self._before = [spelling.id(token) for token in BEFORE]
        self._behind = [spelling.id(token) for token in BEHIND]
        self._features = Features(model.config.encoder_config, model.device, model.dtype)
        traits = Traits(
            family="canary",
            longest=30.0,
            bridged=1.0,
            times="attention",
            languages=tuple(self._languages),
            detects=True,
            retries=True,
        )
        super().__init__(model, spelling, traits)
        self._frame = self._features.frame

    def _encode(self, sounds: Sequence[Samples]) -> tuple[torch.Tensor, Sequence[int]]:
        features, mask = self._features(sounds)
        made = self._model.model.encoder(features, attention_mask=mask, output_attention_mask=True)
        return made.last_hidden_state, made.attention_mask.sum(dim=1).tolist()

    def _encoder_outputs(self, encoded: Sequence[Encoded]) -> ParakeetEncoderModelOutput:
        states, mask = stacked(encoded)
        return ParakeetEncoderModelOutput(last_hidden_state=states, attention_mask=mask)

    def _prompt(self, language: str) -> list[int]:
        return [*self._before, *[self._languages[language]] * 2, *self._behind]

    def _language_ids(self) -> Mapping[str, int]:
        return self._languages

    def _before_language(self) -> list[int]:
        return self._before

    def _most_tokens(self, seconds: float) -> int:
        return 16 + int(seconds * TOKENS_A_SECOND)

    @property
    def _most_positions(self) -> int:
        return int(self._model.config.decoder_config.max_position_embeddings)

"""Models with a CTC head: Parakeet, and wav2vec2 and its kin. Times by the likeliest path through their emissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from librarian.models.pretrained import read_json
from librarian_transcription.emissions import align, collapsed
from librarian_transcription.features import Features
from librarian_transcription.recognizer import RATE, Attempt, Decoded, Encoded, Samples, Traits
from librarian_transcription.spelling import Letters, Pieces, Spelling

LONGEST = 30.0
"""Seconds: memory grows with the square of it."""
SHORTEST = 800
"""Samples of which wav2vec2's convolutions make a frame."""
LEAST_VARIANCE = 1e-7


class Ctc:
    """A model with a CTC head.

    Args:
        model: of transformers, with its weights.
        spelling: its vocabulary.
        traits: what there is to know of it.
        frame: s from one emission to the next.
    """

    def __init__(self, model: Any, spelling: Spelling, traits: Traits, frame: float) -> None:
        self.traits = traits
        self._model, self._spelling, self._frame = model, spelling, frame
        self._blank = int(model.config.pad_token_id)

    def spell(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return self._spelling.text(ids)

    def languages_of(self, encoded: Sequence[Encoded]) -> list[Mapping[str, float]]:
        """It tells none."""
        return [{} for _ in encoded]

    @torch.inference_mode()
    def encode(self, sounds: Sequence[Samples]) -> list[Encoded]:
        """The emissions of several sounds together."""
        return [
            Encoded(found.float().log_softmax(dim=-1).cpu().numpy(), len(sound) / RATE)
            for found, sound in zip(self._emissions(sounds), sounds, strict=True)
        ]

    def decode(self, encoded: Sequence[Encoded], languages: Sequence[str], attempt: Attempt) -> list[Decoded]:
        """The likeliest tokens."""
        return [self._decoded(each) for each in encoded]

    def _decoded(self, encoded: Encoded) -> Decoded:
        emissions = encoded.state
        ids = collapsed(emissions, self._blank)
        tokens = [
            replace(token, start=min(token.start, encoded.seconds), end=min(token.end, encoded.seconds))
            for token in align(emissions, ids, self._blank, self._frame)
            if not self._spelling.is_special(token.id)
        ]
        likely = float(emissions.max(axis=1).mean()) if len(emissions) else 0.0
        return Decoded(tokens, self.spell([token.id for token in tokens]), likely)

    def _emissions(self, sounds: Sequence[Samples]) -> list[torch.Tensor]:
        """Shape: `[frames, vocabulary]` each."""
        raise NotImplementedError


class ParakeetCtc(Ctc):
    """A Parakeet with a CTC head."""

    def __init__(self, folder: Path, model: Any) -> None:
        self._features = Features(model.config.encoder_config, model.device, model.dtype)
        traits = Traits(family="parakeet", longest=LONGEST, bridged=1.0, times="emissions")
        super().__init__(model, Pieces(folder), traits, self._features.frame)

    def _emissions(self, sounds: Sequence[Samples]) -> list[torch.Tensor]:
        features, mask = self._features(sounds)
        logits = self._model(input_features=features, attention_mask=mask).logits
        counts = self._model._get_subsampling_output_length(mask.sum(dim=1)).tolist()
        return [row[:count] for row, count in zip(logits, counts, strict=True)]


class ConvolutionalCtc(Ctc):
    """A wav2vec2 or HuBERT with a CTC head."""

    def __init__(self, folder: Path, model: Any) -> None:
        self._normalizes = bool(read_json(folder / "preprocessor_config.json").get("do_normalize", True))
        # Where the first layer is normalized over time, it hears what is padded: each sound by itself.
        self._together = model.config.feat_extract_norm == "layer"
        traits = Traits(family="wav2vec2", longest=LONGEST, bridged=1.0, times="emissions")
        super().__init__(model, Letters(folder), traits, float(np.prod(model.config.conv_stride)) / RATE)

    def _emissions(self, sounds: Sequence[Samples]) -> list[torch.Tensor]:
        if not self._together:
            return [self._batch([sound])[0] for sound in sounds]
        return self._batch(sounds)

    def _batch(self, sounds: Sequence[Samples]) -> list[torch.Tensor]:
        lengths = [max(SHORTEST, len(sound)) for sound in sounds]
        given = np.zeros((len(sounds), max(lengths)), np.float32)
        for row, sound in zip(given, sounds, strict=True):
            row[: len(sound)] = _standardized(sound) if self._normalizes else sound
        mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
        where, dtype = self._model.device, self._model.dtype
        masked = {"attention_mask": torch.from_numpy(mask).long().to(where)} if self._together else {}
        logits = self._model(torch.from_numpy(given).to(where, dtype), **masked).logits
        counts = self._model._get_feat_extract_output_lengths(torch.tensor(lengths)).tolist()
        return [row[:count] for row, count in zip(logits, counts, strict=True)]


def _standardized(sound: Samples) -> Samples:
    return np.asarray((sound - sound.mean()) / np.sqrt(sound.var() + LEAST_VARIANCE), np.float32)

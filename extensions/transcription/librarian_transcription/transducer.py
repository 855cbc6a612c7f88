"""Parakeet with a transducer, with or without durations: times by the steps that it takes over the sound."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from librarian.models.pretrained import UnusableModelError
from librarian_transcription.features import Features
from librarian_transcription.recognizer import RATE, Attempt, Decoded, Encoded, Samples, Token, Traits
from librarian_transcription.spelling import Pieces

MOST_AT_ONCE = 10
"""Tokens for each frame, so that a sound is decoded alike beside longer ones."""
LEAST = 1e-10


class Transducer:
    """A Parakeet that writes tokens as it walks over the sound.

    Args:
        folder: of the model.
        model: of transformers, with its weights.
    """

    def __init__(self, folder: Path, model: Any) -> None:
        self._model, self._spelling = model, Pieces(folder)
        self._features = Features(model.config.encoder_config, model.device, model.dtype)
        durations = getattr(model.config, "durations", None)
        if durations is not None and list(durations) != list(range(len(durations))):
            raise UnusableModelError("the model is not loaded: its durations are not 0, 1, 2 …, as transformers has it")
        self._lasts = durations is not None
        model.generation_config.decoder_start_token_id = model.config.blank_token_id
        self.traits = Traits(family="parakeet", longest=30.0, bridged=1.0, times="durations")

    def spell(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return self._spelling.text(ids)

    def languages_of(self, encoded: Sequence[Encoded]) -> list[Mapping[str, float]]:
        """It tells none."""
        return [{} for _ in encoded]

    def encode(self, sounds: Sequence[Samples]) -> list[Encoded]:
        """The sounds as they are: transformers does both halves in one."""
        return [Encoded(sound, len(sound) / RATE) for sound in sounds]

    @torch.inference_mode()
    def decode(self, encoded: Sequence[Encoded], languages: Sequence[str], attempt: Attempt) -> list[Decoded]:
        """The likeliest token at each step."""
        features, mask = self._features([each.state for each in encoded])
        frames = self._model._get_subsampling_output_length(mask.sum(dim=1)).tolist()
        with self._noted() as likely:
            most = max(1, MOST_AT_ONCE * max(frames))
            made = self._model.generate(features, attention_mask=mask, do_sample=False, max_new_tokens=most)
        # The first token of each is the one that it begins with.
        rows = zip(made.sequences.tolist(), made.durations.tolist(), torch.stack(likely, dim=1).tolist(), strict=True)
        return [
            self._decoded(list(zip(ids[1:], steps[1:], sure, strict=True))[: MOST_AT_ONCE * count], each)
            for (ids, steps, sure), count, each in zip(rows, frames, encoded, strict=True)
        ]

    @contextmanager
    def _noted(self) -> Iterator[list[torch.Tensor]]:
        """Note how likely the token of each step was, of each sound: transformers does not give that back."""
        found: list[torch.Tensor] = []

        def hook(module: Any, args: Any, logits: torch.Tensor) -> None:
            tokens = logits.float().flatten(1)[:, : self._model.config.vocab_size]
            found.append(tokens.log_softmax(dim=-1).amax(dim=-1))

        handle = self._model.joint.register_forward_hook(hook)
        try:
            yield found
        finally:
            handle.remove()

    def _decoded(self, written: Sequence[tuple[int, int, float]], encoded: Encoded) -> Decoded:
        tokens, frame, place = [], self._features.frame, 0
        for token, step, likely in written:
            start = place * frame
            if start < encoded.seconds and not self._is_silent(token):
                lasting = max(1, step) if self._lasts else 1
                end = min(encoded.seconds, (place + lasting) * frame)
                tokens.append(Token(token, start, end, math.exp(likely)))
            place += step
        sure = [math.log(max(token.confidence, LEAST)) for token in tokens]
        likelihood = sum(sure) / len(sure) if sure else 0.0
        return Decoded(tokens, self.spell([token.id for token in tokens]), likelihood)

    def _is_silent(self, token: int) -> bool:
        blank, pad = self._model.config.blank_token_id, self._model.config.pad_token_id
        return token in (blank, pad) or self._spelling.is_special(token)

"""Whisper and what was distilled from it: 30 s at a time, language found out or told, times by attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from librarian.audio.mel import whisper_spectrogram
from librarian.models.pretrained import UnusableModelError, read_json
from librarian_transcription.languages import tag_of
from librarian_transcription.recognizer import RATE, Encoded, Samples, Traits
from librarian_transcription.sequence import Heads, Sequential
from librarian_transcription.spelling import Pieces

WINDOW = 30
"""Seconds of sound, always: what is shorter is followed by silence."""
FRAME = 0.02
"""Seconds."""


class Whisper(Sequential):
    """A Whisper.

    Args:
        folder: of the model.
        model: of transformers, with its weights.
    """

    _frame = FRAME

    def __init__(self, folder: Path, model: Any) -> None:
        self._said = read_json(folder / "generation_config.json")
        self._silent_times = _number(self._said, "no_timestamps_token_id")
        spelling = Pieces(folder, above=self._silent_times + 1)
        self._pieces = spelling
        named = self._said.get("lang_to_id") or {}
        many = bool(self._said.get("is_multilingual", bool(named)))
        self._languages = {tag_of(token[2:-2]): int(number) for token, number in named.items()} if many else {}
        self._writes = [int(self._said["task_to_id"]["transcribe"])] if many else []
        traits = Traits(
            family="whisper",
            longest=WINDOW,
            bridged=3.0,
            times="attention",
            languages=tuple(self._languages),
            language="und" if many else "en",
            detects=bool(self._languages),
            retries=True,
        )
        super().__init__(model, spelling, traits, _heads(self._said, model.config))

    def _encode(self, sounds: Sequence[Samples]) -> tuple[torch.Tensor, Sequence[int]]:
        padded = np.stack([np.pad(sound[: WINDOW * RATE], (0, max(0, WINDOW * RATE - len(sound)))) for sound in sounds])
        heard = whisper_spectrogram(torch.from_numpy(padded).to(self._device), self._model.config.num_mel_bins)
        states = self._model.model.encoder(heard.to(self._model.dtype)).last_hidden_state
        return states, [states.shape[1]] * len(sounds)

    def _encoder_outputs(self, encoded: Sequence[Encoded]) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=torch.stack([each.state for each in encoded]))

    def _frames(self, encoded: Encoded) -> int:
        return max(1, min(len(encoded.state), round(encoded.seconds / FRAME)))

    def _prompt(self, language: str) -> list[int]:
        start = [self._model.config.decoder_start_token_id]
        if self._languages:
            start += [self._languages[language], *self._writes]
        return [*start, self._silent_times]

    def _language_ids(self) -> Mapping[str, int]:
        return self._languages

    def _before_language(self) -> list[int]:
        return [self._model.config.decoder_start_token_id]

    def _no_speech(self, logits: torch.Tensor) -> float:
        # The token before the one for no times is the one for no speech, whatever a vocabulary calls it.
        return float(logits[0].softmax(dim=-1)[self._silent_times - 1])

    def _suppressed(self) -> Mapping[str, Any]:
        every = [each for each in self._said.get("suppress_tokens") or () if each >= 0]
        times = range(self._silent_times, self._model.config.vocab_size)
        first = self._said.get("begin_suppress_tokens")
        return {"suppress_tokens": [*every, *times], **({"begin_suppress_tokens": first} if first else {})}

    def _most_tokens(self, seconds: float) -> int:
        return self._most_positions // 2

    @property
    def _most_positions(self) -> int:
        return int(self._model.config.max_target_positions)


def _number(found: Mapping[str, Any], key: str) -> int:
    if not isinstance(found.get(key), int):
        raise UnusableModelError(f"the model is not loaded: generation_config.json does not say {key}")
    return int(found[key])


def _heads(found: Mapping[str, Any], config: Any) -> Heads | None:
    """The heads whose attention follows the sound, as far as the model has them."""
    heads: dict[int, list[int]] = {}
    for layer, head in found.get("alignment_heads") or ():
        if 0 <= layer < config.decoder_layers and 0 <= head < config.decoder_attention_heads:
            heads.setdefault(layer, []).append(head)
    return heads or None

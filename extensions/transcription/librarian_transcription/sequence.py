"""What Whisper, Moonshine and Canary have in common: an encoder, and a decoder that writes token after token.

transformers generates; the times and probabilities of its tokens come from one more pass of the decoder over what was
written, which costs less than keeping the attention of every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, GenerationMixin

from librarian_transcription.attention import onsets, score
from librarian_transcription.recognizer import Attempt, Decoded, Encoded, Samples, Token, Traits
from librarian_transcription.spelling import Spelling

Heads = Mapping[int, Sequence[int]]
"""Of cross-attention: by layer."""


class Sequential:
    """A model with a decoder. Subclasses say how sound gets in and what the decoder is told first.

    Args:
        model: of transformers, with weights.
        spelling: its vocabulary.
        traits: what there is to know of it.
        heads: of the decoder, that look where the sound of a token is; None: all in the upper half of its layers.
    """

    def __init__(self, model: Any, spelling: Spelling, traits: Traits, heads: Heads | None = None) -> None:
        self.traits = traits
        self._model, self._spelling = model, spelling
        self._heads = heads or _upper_half(self._decoder.layers, model.config)

    @property
    def _decoder(self) -> Any:
        return self._model.model.decoder

    @property
    def _device(self) -> torch.device:
        found: torch.device = self._model.device
        return found

    def spell(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return self._spelling.text(ids)

    @torch.inference_mode()
    def encode(self, sounds: Sequence[Samples]) -> list[Encoded]:
        """The first half, of several sounds together."""
        states, frames = self._encode(sounds)
        return [
            Encoded(state[:count].clone(), len(sound) / 16000)
            for state, count, sound in zip(states, frames, sounds, strict=True)
        ]

    @torch.inference_mode()
    def languages_of(self, encoded: Sequence[Encoded]) -> list[Mapping[str, float]]:
        """The probabilities of the languages that it can be told."""
        ids = self._language_ids()
        if not ids:
            return [{} for _ in encoded]
        outputs = self._encoder_outputs(encoded)
        prompt = torch.tensor([self._before_language()] * len(encoded), device=self._device)
        logits = self._model(encoder_outputs=outputs, decoder_input_ids=prompt, use_cache=False).logits[:, -1]
        shares = logits[:, list(ids.values())].float().softmax(dim=-1).tolist()
        return [dict(zip(ids, row, strict=True)) for row in shares]

    @torch.inference_mode()
    def decode(self, encoded: Sequence[Encoded], languages: Sequence[str], attempt: Attempt) -> list[Decoded]:
        """The second half, of several together."""
        outputs = self._encoder_outputs(encoded)
        prompts = torch.tensor([self._prompt(language) for language in languages], device=self._device)
        generated = GenerationMixin.generate(
            self._model,
            encoder_outputs=outputs,
            decoder_input_ids=prompts,
            generation_config=self._config(encoded, prompts.shape[1], attempt),
        )
        rows = generated[:, prompts.shape[1] :].tolist()
        # As long as it would be by itself: a batch goes on as long as its longest sound may.
        written = [
            self._written(row[: self._most(each.seconds, prompts.shape[1])])
            for row, each in zip(rows, encoded, strict=True)
        ]
        return self._heard(self._encoder_outputs(encoded), encoded, prompts, written)

    def _written(self, row: Sequence[int]) -> list[int]:
        """The tokens of a row up to its end, without special ones."""
        ends = [place for place, token in enumerate(row) if token in self._ends]
        return [token for token in row[: ends[0] if ends else len(row)] if not self._spelling.is_special(token)]

    @property
    def _ends(self) -> Sequence[int]:
        found = self._model.config.eos_token_id
        return found if isinstance(found, list) else [found]

    def _config(self, encoded: Sequence[Encoded], prompt: int, attempt: Attempt) -> GenerationConfig:
        """A config of our own: nothing that a model's folder says of generating counts, but for what we take of it."""
        longest = max(each.seconds for each in encoded)
        drawn = {"do_sample": True, "temperature": attempt.temperature, "top_k": 0} if attempt.temperature else {}
        repeats = {"no_repeat_ngram_size": attempt.no_repeat} if attempt.no_repeat else {}
        return GenerationConfig(
            max_new_tokens=self._most(longest, prompt),
            eos_token_id=list(self._ends),
            pad_token_id=self._ends[0],
            decoder_start_token_id=self._model.config.decoder_start_token_id,
            use_cache=True,
            **drawn,
            **repeats,
            **self._suppressed(),
        )

    def _most(self, seconds: float, prompt: int) -> int:
        """Tokens of a sound at the most, the end among them."""
        return max(1, min(self._most_tokens(seconds), self._most_positions - prompt - 1))

    def _heard(
        self, outputs: Any, encoded: Sequence[Encoded], prompts: torch.Tensor, written: Sequence[Sequence[int]]
    ) -> list[Decoded]:
        """Times and probabilities, by one pass over what was written and the end behind it."""
        longest = max(map(len, written))
        first = prompts.shape[1]
        rows = [list(ids) + [self._ends[0]] * (longest - len(ids)) for ids in written]
        given = torch.cat([prompts, torch.tensor(rows, device=self._device, dtype=torch.long)], dim=1)
        counts = [len(ids) for ids in written]
        with self._watched(first - 1, counts, [self._frames(each) for each in encoded]) as scores:
            logits = self._model(encoder_outputs=outputs, decoder_input_ids=given, use_cache=False).logits.float()
        found = []
        for number, ids in enumerate(written):
            likely = logits[number, first - 1 :].log_softmax(dim=-1)
            wanted = torch.tensor([*ids, self._ends[0]], device=self._device)
            chosen = likely[torch.arange(len(wanted)), wanted].cpu().numpy()
            tokens = self._timed(ids, chosen, scores[number], encoded[number])
            no_speech = self._no_speech(logits[number])
            found.append(Decoded(tokens, self.spell(ids), float(chosen.mean()), no_speech))
        return found

    def _timed(
        self, ids: Sequence[int], likely: np.ndarray, scores: torch.Tensor | None, encoded: Encoded
    ) -> list[Token]:
        if not ids or scores is None:
            return []
        # A row is the step that writes a token: the one behind the last writes the end, where the last token ends.
        edges = np.minimum(onsets(scores.cpu().numpy()) * self._frame, encoded.seconds)
        return [
            Token(token, float(edges[place]), float(edges[place + 1]), float(np.exp(likely[place])))
            for place, token in enumerate(ids)
        ]

    @contextmanager
    def _watched(self, first: int, counts: Sequence[int], frames: Sequence[int]) -> Iterator[list[torch.Tensor | None]]:
        """Add up, while the decoder runs, how well its tokens fit the frames: one sum a sound, not all attention."""
        sums: list[torch.Tensor | None] = [None] * len(counts)

        def watch(heads: Sequence[int]) -> Any:
            def hook(module: Any, args: Any, outputs: Any) -> None:
                weights = outputs[1].float()
                for number, (count, length) in enumerate(zip(counts, frames, strict=True)):
                    part = score(weights[number, heads, first : first + count + 1, :length])
                    before = sums[number]
                    sums[number] = part if before is None else before + part

            return hook

        layers = self._decoder.layers
        hooks = [layers[layer].encoder_attn.register_forward_hook(watch(list(h))) for layer, h in self._heads.items()]
        configs = [self._model.config, self._decoder.config]
        before = [config._attn_implementation for config in configs]
        try:
            for config in configs:
                config._attn_implementation = "eager"  # others do not tell where they look
            yield sums
        finally:
            for config, implementation in zip(configs, before, strict=True):
                config._attn_implementation = implementation
            for hook in hooks:
                hook.remove()

    # What follows differs from family to family.

    _frame: float
    """Seconds of a frame of what the encoder gives."""

    def _frames(self, encoded: Encoded) -> int:
        """How many of them are of the sound."""
        return max(1, len(encoded.state))

    def _encode(self, sounds: Sequence[Samples]) -> tuple[torch.Tensor, Sequence[int]]:
        """Shape: `[sounds, frames, size]`, and how many frames of each count."""
        raise NotImplementedError

    def _encoder_outputs(self, encoded: Sequence[Encoded]) -> Any:
        raise NotImplementedError

    def _prompt(self, language: str) -> list[int]:
        raise NotImplementedError

    def _language_ids(self) -> Mapping[str, int]:
        return {}

    def _before_language(self) -> list[int]:
        return []

    def _no_speech(self, logits: torch.Tensor) -> float:
        return 0.0

    def _suppressed(self) -> Mapping[str, Any]:
        return {}

    def _most_tokens(self, seconds: float) -> int:
        raise NotImplementedError

    @property
    def _most_positions(self) -> int:
        raise NotImplementedError


def stacked(encoded: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
    """States side by side, and which of their frames count.

    Shape:
        - output: `[sounds, frames, size]` and `[sounds, frames]`
    """
    states = torch.nn.utils.rnn.pad_sequence([each.state for each in encoded], batch_first=True)
    lengths = torch.tensor([len(each.state) for each in encoded], device=states.device)
    return states, (torch.arange(states.shape[1], device=states.device) < lengths[:, None]).long()


def _upper_half(layers: Sequence[Any], config: Any) -> Heads:
    text = config.get_text_config(decoder=True)
    heads = getattr(text, "decoder_attention_heads", None) or text.num_attention_heads
    return {layer: range(heads) for layer in range(len(layers) // 2, len(layers))}

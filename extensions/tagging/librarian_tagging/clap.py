"""CLAP: sounds and words in one space. A model of transformers, the features that it hears, and probabilities.

Y. Wu, K. Chen et al., Large-scale Contrastive Language-Audio Pretraining with Feature Fusion and Keyword-to-Caption
Augmentation (2023). The features are those of ClapFeatureExtractor for models without fusion, made on the device of
the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from transformers import ClapModel

from librarian.audio.mel import mel_filters
from librarian.audio.spectral import stft
from librarian.models.pretrained import UnusableModelError, check_folder, load_pretrained, read_json
from librarian_tagging.sounds import Sound

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
QUIETEST = 1e-10
"""Power below which a band holds nothing."""
TINY = 1e-12
MOST_SCALE = 1e4
"""Training holds the logit scale at 100."""
NOT_LOADED = "the model is not loaded: "


class Form(BaseModel):
    """What a model hears: of its preprocessor_config.json what counts, within what any model could want."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    sampling_rate: int = Field(ge=8000, le=192_000, description="Hz.")
    feature_size: int = Field(ge=1, le=512, description="Bands of mel.")
    fft_window_size: int = Field(ge=64, le=1 << 14, multiple_of=2, description="Samples of a transform.")
    hop_length: int = Field(ge=64, le=1 << 14, description="Samples from one transform to the next.")
    frequency_min: float = Field(ge=0, description="Hz, where the bands begin.")
    frequency_max: float = Field(gt=0, description="Hz, where they end.")
    max_length_s: float = Field(ge=1, le=30, description="Length of a window (s).")

    @property
    def frames(self) -> int:
        """Samples of a window."""
        return round(self.max_length_s * self.sampling_rate)

    @property
    def filters(self) -> NDArray[np.float32]:
        """What sums a spectrum into bands."""
        rate, low, high = self.sampling_rate, self.frequency_min, self.frequency_max
        return mel_filters(rate, self.fft_window_size, self.feature_size, low=low, high=high)


class Clap:
    """A model that compares sounds with words.

    Args:
        folder: from `librarian.model_folder`.
        device: `cpu`, `cuda:0` …
        precision: of `PRECISIONS`.

    Attributes:
        form: what it hears.

    Raises:
        UnusableModelError: there is something in the folder that is not allowed, or it does not hang together.
    """

    def __init__(self, folder: Path, device: str = "cpu", precision: str = "fp32") -> None:
        check_folder(folder)
        _check_config(folder)
        self.form = _form(folder)
        self._tokenizer = _tokenizer(folder)
        self._model = load_pretrained(folder, ClapModel, device, PRECISIONS[precision])
        if self._model.config.audio_config.num_mel_bins != self.form.feature_size:
            raise UnusableModelError(f"{NOT_LOADED}its two JSON files differ in the number of bands")
        self._filters = torch.from_numpy(self.form.filters).to(device)
        self._scale = float(self._model.logit_scale_a.detach().exp())
        if not 0 < self._scale < MOST_SCALE:
            raise UnusableModelError(f"{NOT_LOADED}its logit scale is no scale")

    @torch.inference_mode()
    def directions(self, sounds: Iterable[Sound], contrast: Sequence[str]) -> NDArray[np.float64]:
        """For each sound which way it lies from what it is told from, times the model's logit scale.

        s (t − c), where t and c are the means of the embeddings of its prompts and of its contrast's, of length 1.

        Shape:
            - output: `[sounds, dimensions]`
        """
        usual = self._meaning(contrast)
        rows = []
        for sound in sounds:
            other = self._meaning(sound.contrast) if sound.contrast else usual
            rows.append(self._scale * (self._meaning(sound.prompts) - other))
        return np.stack(rows)

    def _meaning(self, prompts: Sequence[str]) -> NDArray[np.float64]:
        mean = np.mean([self._embedding(prompt) for prompt in prompts], axis=0)
        return np.asarray(mean / max(TINY, float(np.linalg.norm(mean))))

    def _embedding(self, prompt: str) -> NDArray[np.float64]:
        # One at a time: how a text is padded beside longer ones changes its last bits, and another sound must not.
        ids = self._tokenizer.encode(prompt).ids
        places = self._model.config.text_config.max_position_embeddings - 2
        if not 0 < len(ids) <= places or max(ids) >= self._model.config.text_config.vocab_size:
            raise UnusableModelError(
                f"a prompt has {len(ids)} tokens, and the model takes {places}: write a shorter one"
            )
        given = torch.tensor([ids], device=self._model.device)
        found = self._model.get_text_features(input_ids=given, attention_mask=torch.ones_like(given))
        return np.asarray(_unit(found.pooler_output)[0])

    @torch.inference_mode()
    def embed(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Where windows lie.

        Args:
            windows: −1…1, of 1 to `form.frames` samples each.

        Shape:
            - windows: `[samples]` each
            - output: `[windows, dimensions]`, of length 1
        """
        filled = np.stack([_filled(window, self.form.frames) for window in windows])
        features = self._features(torch.from_numpy(filled).to(self._model.device))
        found = self._model.get_audio_features(input_features=features.to(self._model.dtype))
        return _unit(found.pooler_output)

    def _features(self, samples: torch.Tensor) -> torch.Tensor:
        spectra = stft(samples, self.form.fft_window_size, self.form.hop_length)
        powers = self._filters @ (spectra.real**2 + spectra.imag**2)
        return (10.0 * powers.clip(QUIETEST).log10()).mT[:, None]


def probabilities(places: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """How probable sounds are: a softmax over two, the sound's prompt and its contrast.

    1 / (1 + exp(−s (a · t − a · c))), with the embedding a of the window and the model's own logit scale s. What else
    is looked for plays no part.

    Shape:
        - places: `[windows, dimensions]`, of `Clap.embed`
        - directions: `[sounds, dimensions]`, of `Clap.directions`
        - output: `[windows, sounds]`, 0 to 1
    """
    # Sound after sound: a matrix product may add in another order where there are more of them.
    odds = np.stack([(places * direction).sum(axis=1) for direction in directions], axis=1)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _unit(rows: torch.Tensor) -> NDArray[np.float64]:
    found = rows.float().cpu().numpy().astype(np.float64)
    if not np.isfinite(found).all():
        raise UnusableModelError("the model gave no numbers: its weights are damaged; or take precision: fp32")
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), TINY))


def _filled(window: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """A short window again and again, as often as it fits, and silence: as the models were trained (`repeatpad`)."""
    repeated = np.tile(window, max(1, frames // len(window)))
    return np.pad(repeated, (0, frames - len(repeated)))


def _check_config(folder: Path) -> None:
    config = read_json(folder / "config.json")
    if config.get("model_type") != "clap":
        raise UnusableModelError(f"{NOT_LOADED}config.json names another family than clap")
    audio = config.get("audio_config")
    if isinstance(audio, dict) and audio.get("enable_fusion"):
        raise UnusableModelError(f"{NOT_LOADED}it fuses long sounds, which windows never are; take clap-htsat-unfused")


def _form(folder: Path) -> Form:
    try:
        form = Form.model_validate(read_json(folder / "preprocessor_config.json"))
        if form.filters.any():
            return form
    except ValueError:  # of pydantic, and of bands that fit nowhere
        pass
    raise UnusableModelError(f"{NOT_LOADED}preprocessor_config.json does not say what a CLAP hears")


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    if not read_json(folder / "tokenizer.json"):
        raise UnusableModelError(f"{NOT_LOADED}it holds no tokenizer.json")
    try:
        found = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # the library raises nothing more exact
        raise UnusableModelError(f"{NOT_LOADED}tokenizer.json is none") from None
    found.no_padding()
    found.no_truncation()
    return found

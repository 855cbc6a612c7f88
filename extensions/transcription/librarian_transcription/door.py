"""The one door through which models come in: a folder that was looked at, a known class, weights that fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from librarian.models.pretrained import UnusableModelError, check_folder, load_pretrained, read_json
from librarian_transcription.canary import Canary
from librarian_transcription.ctc import ConvolutionalCtc, ParakeetCtc
from librarian_transcription.moonshine import Moonshine
from librarian_transcription.recognizer import Recognizer
from librarian_transcription.transducer import Transducer
from librarian_transcription.whisper import Whisper

FAMILIES: Mapping[str, tuple[str, Callable[[Path, Any], Recognizer]]] = {
    "whisper": ("WhisperForConditionalGeneration", Whisper),
    "moonshine": ("MoonshineForConditionalGeneration", Moonshine),
    "canary": ("CanaryForConditionalGeneration", Canary),
    "parakeet_ctc": ("ParakeetForCTC", ParakeetCtc),
    "parakeet_tdt": ("ParakeetForTDT", Transducer),
    "parakeet_rnnt": ("ParakeetForRNNT", Transducer),
    "wav2vec2": ("Wav2Vec2ForCTC", ConvolutionalCtc),
    "hubert": ("HubertForCTC", ConvolutionalCtc),
}
"""By the `model_type` of a config.json: the class of transformers, and ours around it."""
PRECISIONS: Mapping[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def open_model(folder: Path, device: str = "cpu", precision: str = "fp32") -> Recognizer:
    """Load a model.

    Args:
        folder: from `librarian.model_folder`.
        device: `cpu`, `cuda:0` …
        precision: `fp32` or `bf16`, that it computes with.

    Raises:
        UnusableModelError: there is something in it that is not allowed, or it does not hang together.
    """
    check_folder(folder)
    family = read_json(folder / "config.json").get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise UnusableModelError(
            f"the model is not loaded: config.json names no family that is known ({', '.join(FAMILIES)})"
        )
    name, around = FAMILIES[family]
    if not hasattr(transformers, name):
        raise UnusableModelError("the installed transformers is too old for this model: pip install -U transformers")
    model = load_pretrained(folder, getattr(transformers, name), device, PRECISIONS[precision])
    try:
        return around(folder, model)
    except (TypeError, ValueError, LookupError, AttributeError):
        raise UnusableModelError("the model is not loaded: its settings are not those of its family") from None

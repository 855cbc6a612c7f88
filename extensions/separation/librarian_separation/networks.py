"""A network of Demucs that stays on its device and is given one batch of segments at a time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from demucs.apply import Model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray

from librarian.audio.overlap import triangle
from librarian_separation.chunked import ChunkModel
from librarian_separation.layers import quicken

FORWARDS = (torch.nn.Conv1d, torch.nn.Conv2d)
BACKWARDS = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d)
IN_BF16 = (*FORWARDS, *BACKWARDS, torch.nn.Linear, torch.nn.MultiheadAttention)


class Network(ChunkModel):
    """One network.

    Args:
        model: one of the three architectures; it is moved to the device.
        device: `cpu`, `cuda:0` …
        segment: of sound that it works on at once (s); None: as it was trained.
        overlap: of two segments, 0 to less than 1.
        bf16: whether it computes with bfloat16 where autocast deems that safe.
    """

    def __init__(self, model: Model, device: str, segment: float | None, overlap: float, *, bf16: bool) -> None:
        if segment and (not isinstance(model, HTDemucs) or segment < model.segment):
            model.segment = Fraction(segment)  # what HTDemucs pads to, so that a shorter one saves memory
        self._model, self._device, self._bf16 = model.to(device).eval(), torch.device(device), bf16
        quicken(self._model, self._device)
        if bf16:
            _to_bf16(self._model, self._device)
        self.stems = tuple(model.sources)
        self.sample_rate, self.channels = int(model.samplerate), int(model.audio_channels)
        self.segment = int(model.samplerate * model.segment)
        self.hop = max(1, int((1 - overlap) * self.segment))
        self.window = triangle(self.segment)

    def __call__(self, mix: NDArray[np.float32]) -> torch.Tensor:
        """Separate segments."""
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            estimates: torch.Tensor = self._model(torch.from_numpy(mix).to(self._device))
            return estimates

    def frames_for(self, length: int) -> int:
        """What its convolutions need."""
        valid = getattr(self._model, "valid_length", None)
        return int(valid(length)) if valid else length


def _to_bf16(model: Model, device: torch.device) -> None:
    """The weights of all that autocast computes in bf16, once and not for every segment.

    In fp32 stays what stands next to sound and spectrum, the first and the last convolution of each branch, and LSTMs.
    The former make 3 dB of the error, and no time that shows; the latter oneDNN cannot compute in bf16.
    """
    first, last = ("encoder", "tencoder"), ("decoder", "tdecoder")
    begins = [each for name in first for each in _within(model, name, 0, FORWARDS)[:1]]
    ends = [each for name in last for each in _within(model, name, -1, BACKWARDS)]
    exact = (*begins, *ends, *(each for each in model.modules() if isinstance(each, torch.nn.LSTM)))
    for layer in model.modules():
        if layer in exact:
            layer.forward = partial(_in_fp32, layer.forward, device)
        elif isinstance(layer, IN_BF16):
            layer.to(torch.bfloat16)


def _within(model: Model, branch: str, layer: int, kinds: tuple[type[torch.nn.Module], ...]) -> list[torch.nn.Module]:
    layers = getattr(model, branch, ())
    return [each for each in layers[layer].modules() if isinstance(each, kinds)] if len(layers) else []


def _in_fp32(forward: Callable[[torch.Tensor], Any], device: torch.device, given: torch.Tensor) -> Any:
    with torch.autocast(device.type, enabled=False):
        return forward(given.float())

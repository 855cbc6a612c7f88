"""A network of Demucs that stays on its device and is given one batch of segments at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from demucs.apply import Model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from librarian.audio.overlap import triangle
from librarian_separation.chunked import ChunkModel


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
        self.stems = tuple(model.sources)
        self.sample_rate, self.channels = int(model.samplerate), int(model.audio_channels)
        self.segment = int(model.samplerate * model.segment)
        self.hop = max(1, int((1 - overlap) * self.segment))
        self.window = triangle(self.segment)

    def __call__(self, mix: NDArray[np.float32]) -> torch.Tensor:
        """Separate segments."""
        with _computing(self._device, bf16=self._bf16):
            estimates: torch.Tensor = self._model(torch.from_numpy(mix).to(self._device))
            return estimates

    def frames_for(self, length: int) -> int:
        """What its convolutions need."""
        valid = getattr(self._model, "valid_length", None)
        return int(valid(length)) if valid else length


@contextmanager
def _computing(device: torch.device, *, bf16: bool) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if bf16:
            stack.enter_context(torch.autocast(device.type, torch.bfloat16))
        if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            if not bf16:
                stack.enter_context(_without_fast_path())
            stack.enter_context(_Instead(IN_BF16 if bf16 else IN_FP32))
        yield


def _linear(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """By oneDNN: beside MKL, which torch takes, it is over twice as fast on AMD's CPUs."""
    made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
    return made


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """As such: oneDNN's products in bf16 are twice as fast as the blocks that torch cuts it into."""
    weights = torch.softmax(query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1), dim=-1)
    return weights @ value


IN_FP32 = {torch.ops.aten.linear.default: _linear}
IN_BF16 = {torch.ops.aten.scaled_dot_product_attention.default: _attention}
"""What a CPU computes faster than torch's own choice, where nothing but tensors is given."""


class _Instead(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes some functions in another way."""

    def __init__(self, kernels: Mapping[Any, Callable[..., torch.Tensor]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kernels = kernels

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = not kwargs and all(isinstance(each, torch.Tensor) for each in args)
        return (self._kernels.get(function, function) if plain else function)(*args, **(kwargs or {}))


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Attention in blocks, not by torch's fused layer: that one holds the whole matrix of its weights in memory."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)

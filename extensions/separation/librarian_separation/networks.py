"""A network of Demucs that stays on its device and is given one batch of segments at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from demucs.apply import Model
from demucs.demucs import DConv
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from librarian.audio.overlap import triangle
from librarian_separation.chunked import ChunkModel

FORWARDS = (torch.nn.Conv1d, torch.nn.Conv2d)
Convolution = torch.nn.Conv1d | torch.nn.Conv2d


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
        for each in self._model.modules():
            if isinstance(each, DConv):
                each.forward = partial(_with_residuals, each)  # type: ignore[method-assign]
            elif self._device.type == "cpu" and isinstance(each, FORWARDS) and _is_of_points(each):
                each.forward = partial(_of_points, each)  # type: ignore[method-assign]
        if bf16:
            _keep_ends_exact(self._model, self._device)
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


def _with_residuals(branches: DConv, given: torch.Tensor) -> torch.Tensor:
    """What each branch makes of it is scaled and added in one pass over memory, not in two, or in bf16 four."""
    for branch in branches.layers:
        scale: torch.Tensor = branch[-1].scale  # type: ignore[index]
        made: torch.Tensor = branch[:-1](given)  # type: ignore[index]
        given = torch.addcmul(given.float(), scale[:, None], made.float())
    return given


def _is_of_points(layer: Convolution) -> bool:
    """Whether a convolution looks at one moment at a time, and all channels."""
    plain = layer.bias is not None and layer.groups == 1 and not any(layer.padding)
    return plain and {*layer.kernel_size, *layer.stride} == {1}


def _of_points(layer: Convolution, given: torch.Tensor) -> torch.Tensor:
    """As a product of matrices: of few channels oneDNN's convolution takes twice as long, in bf16 seven times."""
    points = given.flatten(2)
    bias = layer.bias[None, :, None].expand(len(points), -1, -1)  # type: ignore[index]
    weight = layer.weight.flatten(1).expand(len(points), -1, -1)
    return torch.baddbmm(bias, weight, points).reshape(len(points), -1, *given.shape[2:])


@contextmanager
def _computing(device: torch.device, *, bf16: bool) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if bf16:
            stack.enter_context(torch.autocast(device.type, torch.bfloat16))
        if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            stack.enter_context(_without_fast_path())
            stack.enter_context(_Instead(IN_BF16 if bf16 else IN_FP32))
        yield


def _linear(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """By oneDNN: beside MKL, which torch takes, it is over twice as fast on AMD's CPUs."""
    made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
    return made


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A few rows of one head after the other, by oneDNN as in `_linear`: their weights stay in the cache."""
    made = torch.empty_like(query, memory_format=torch.contiguous_format)
    scaled, turned = query * query.shape[-1] ** -0.5, value.transpose(-2, -1)
    for head in np.ndindex(*query.shape[:-2]):
        keys, values = key[head].contiguous(), turned[head].contiguous()
        for rows, place in zip(torch.split(scaled[head], ROWS), torch.split(made[head], ROWS), strict=True):
            place[:] = _linear(torch.softmax(_linear(rows.contiguous(), keys), dim=-1), values)
    return made


ROWS = 672
"""Of an attention's weights that are computed together."""
BACKWARDS = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d)

Kernels = Mapping[Any, Callable[..., torch.Tensor]]
IN_BF16: Kernels = {torch.ops.aten.scaled_dot_product_attention.default: _attention}
IN_FP32: Kernels = {**IN_BF16, torch.ops.aten.linear.default: _linear}
"""What a CPU computes faster than torch's own choice, where nothing but tensors is given."""


class _Instead(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes some functions in another way."""

    def __init__(self, kernels: Kernels) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kernels = kernels

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = not kwargs and all(isinstance(each, torch.Tensor) for each in args)
        return (self._kernels.get(function, function) if plain else function)(*args, **(kwargs or {}))


def _keep_ends_exact(model: Model, device: torch.device) -> None:
    """In fp32 what stands next to sound and spectrum, the first and the last convolution of each branch, and LSTMs.

    The former make 3 dB of the error, and no time that shows; the latter oneDNN cannot compute in bf16.
    """
    first, last = ("encoder", "tencoder"), ("decoder", "tdecoder")
    begins = [each for name in first for each in _within(model, name, 0, FORWARDS)[:1]]
    ends = [each for name in last for each in _within(model, name, -1, BACKWARDS)]
    for layer in (*begins, *ends, *(each for each in model.modules() if isinstance(each, torch.nn.LSTM))):
        layer.forward = partial(_in_fp32, layer.forward, device)


def _within(model: Model, branch: str, layer: int, kinds: tuple[type[torch.nn.Module], ...]) -> list[torch.nn.Module]:
    layers = getattr(model, branch, ())
    return [each for each in layers[layer].modules() if isinstance(each, kinds)] if len(layers) else []


def _in_fp32(forward: Callable[[torch.Tensor], Any], device: torch.device, given: torch.Tensor) -> Any:
    with torch.autocast(device.type, enabled=False):
        return forward(given.float())


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Attention by its own function, not by torch's fused layer: that one holds the whole matrix of its weights."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)

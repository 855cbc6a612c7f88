"""Layers of Demucs computed faster than torch does by itself: the same functions, in fewer passes over memory.

Each takes the place of a layer's `forward`. A dispatch mode would do without that, but brings torch's compiler, which
takes as long to import as a segment to compute.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from demucs.demucs import DConv
from demucs.transformer import MyGroupNorm
from torch.nn import Conv1d, Conv2d, GroupNorm, Linear, MultiheadAttention, Sequential
from torch.nn import functional as F

ROWS = 672
"""Of an attention's weights that are computed together."""


def quicken(model: torch.nn.Module, device: torch.device) -> None:
    """Have the layers of a network computed so, as far as they are of the form that is known here."""
    on_cpu = device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    for layer in model.modules():
        if isinstance(layer, DConv) and all(map(_ends_plainly, layer.layers)):
            layer.forward = partial(_with_residuals, layer)  # type: ignore[method-assign]
        elif on_cpu and (forward := _on_cpu(layer)):
            layer.forward = partial(forward, layer)


def _on_cpu(layer: torch.nn.Module) -> Callable[..., Any] | None:
    match layer:
        case MyGroupNorm(num_groups=1):
            return _normalized
        case MultiheadAttention(batch_first=True, in_proj_bias=torch.Tensor(), bias_k=None, add_zero_attn=False):
            return _attending
        case Linear():
            return _of_rows
        case _ if _is_of_points(layer):
            return _of_points
    return None


def _with_residuals(branches: DConv, given: torch.Tensor) -> torch.Tensor:
    """The sum is fp32 in any case: rounding it to bf16 costs 0.8 dB."""
    for branch in branches.layers:
        *first, widen, norm, _, scale = cast("list[Any]", branch)
        hidden = given
        for layer in first:
            hidden = layer(hidden)
        given = given.float() + F.glu(_widened(widen, norm, scale.scale, hidden), dim=1).float()
    return given


def _ends_plainly(branch: torch.nn.Module) -> bool:
    """Whether a branch ends with a convolution of points, the normalization of all its channels, a gate and a scale."""
    *_, widen, norm, _, _ = cast("Sequential", branch)
    return _is_of_points(widen) and isinstance(norm, GroupNorm) and norm.num_groups == 1


def _widened(widen: Any, norm: Any, scale: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """A convolution of points, normalized and scaled for the gate, as one product.

    Mean and variance of `w h + b` over channels and time follow from those of the few channels of h: a channel's mean
    is `w · mean(h) + b`, its variance `wᵀ cov(h) w`. So what is wide is not looked through.

    Shape:
        - hidden: `[batch, few, frames]`
        - output: `[batch, 2 × channels, frames]`
    """
    weight, bias = widen.weight[:, :, 0].float(), widen.bias.float()
    means = hidden.mean(-1, dtype=torch.float32)
    centred = hidden.float() - means[:, :, None]
    with torch.autocast(hidden.device.type, enabled=False):
        covariance = centred @ centred.transpose(1, 2) / hidden.shape[-1]
        made = F.linear(means, weight, bias)
        within = (covariance * (weight.T @ weight)).sum((1, 2)) / len(weight)
    by = torch.cat([scale, torch.ones_like(scale)])
    gain = norm.weight * by * torch.rsqrt(made.var(1, correction=0) + within + norm.eps)[:, None]
    offset = (bias - made.mean(1, keepdim=True)) * gain + norm.bias * by
    gained = (weight * gain[:, :, None]).to(hidden.dtype)
    return torch.baddbmm(offset[:, :, None].to(hidden.dtype), gained, hidden)


def _normalized(norm: MyGroupNorm, given: torch.Tensor) -> torch.Tensor:
    """`[batch, frames, channels]` as it lies, not turned and turned back."""
    return torch.addcmul(norm.bias, F.layer_norm(given.contiguous(), given.shape[1:], eps=norm.eps), norm.weight)


def _is_of_points(layer: torch.nn.Module) -> bool:
    """Whether it is a convolution that looks at one moment at a time, and all channels."""
    if not isinstance(layer, (Conv1d, Conv2d)):
        return False
    plain = layer.bias is not None and layer.groups == 1 and not any(layer.padding)
    return plain and {*layer.kernel_size, *layer.stride} == {1}


def _of_points(layer: Conv1d | Conv2d, given: torch.Tensor) -> torch.Tensor:
    """As a product of matrices: of few channels oneDNN's convolution takes twice as long, in bf16 seven times."""
    points = given.flatten(2)
    bias = layer.bias[None, :, None].expand(len(points), -1, -1)  # type: ignore[index]
    weight = layer.weight.flatten(1).expand(len(points), -1, -1)
    return torch.baddbmm(bias, weight, points).reshape(len(points), -1, *given.shape[2:])


def _of_rows(layer: Linear, given: torch.Tensor) -> torch.Tensor:
    return _linear(given.to(layer.weight.dtype), layer.weight, layer.bias)


def _linear(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """By oneDNN: beside MKL, which torch takes, it is over twice as fast on AMD's CPUs."""
    made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
    return made


def _attending(
    layer: MultiheadAttention, query: torch.Tensor, key: torch.Tensor, *_: Any, **__: Any
) -> tuple[torch.Tensor, None]:
    """Of each to all, without a mask, the keys being the values too: no other way does Demucs ask for it."""
    query, key = query.to(layer.in_proj_weight.dtype), key.to(layer.in_proj_weight.dtype)
    asking, naming, telling = zip(layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3), strict=True)
    queries, keys, values = _linear(query, *asking), _linear(key, *naming), _linear(key, *telling)
    made = torch.empty_like(queries)
    for each in zip(made, queries * layer.head_dim**-0.5, keys, values, strict=True):
        for head in zip(*(part.chunk(layer.num_heads, dim=-1) for part in each), strict=True):
            _attend(*head)
    return _linear(made, layer.out_proj.weight, layer.out_proj.bias), None


def _attend(made: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> None:
    """One head of one sound, a few rows after the other: their weights stay in the cache."""
    keys, values = keys.contiguous(), values.t().contiguous()
    for place, rows in zip(torch.split(made, ROWS), torch.split(queries, ROWS), strict=True):
        place.copy_(_linear(torch.softmax(_linear(rows, keys), dim=-1), values))

"""Sound in main memory or on a GPU: what a function does with a numpy array, it does with a torch tensor as well."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypeIs

Array = TypeVar("Array", "NDArray[Any]", "torch.Tensor")


def is_tensor(array: object) -> TypeIs[torch.Tensor]:
    """Whether it is a tensor of torch, without loading torch: nobody has one who has not."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def library(array: object) -> Any:
    """The module that computes with it: numpy or torch. Much has the same name in both."""
    return sys.modules["torch"] if is_tensor(array) else np


def zeros(shape: Sequence[int], like: Array) -> Array:
    """Zeros of the type, and on the device, of another array."""
    if is_tensor(like):
        return like.new_zeros(*shape)
    return np.zeros(shape, like.dtype)


def silence(frames: int, like: Array) -> Array:
    """Zeros of the shape of another array, but for the number of frames, its last axis."""
    return zeros([*like.shape[:-1], frames], like)


def joined(pieces: Sequence[Array]) -> Array:
    """Pieces one after another along the last axis."""
    return cast(Array, library(pieces[0]).concatenate(pieces, -1))


def moved(values: NDArray[Any], like: Array) -> Array:
    """An array as one of the library, the type and the device of another; complex ones give their real type."""
    if is_tensor(like):
        return cast("torch.Tensor", library(like).tensor(values, dtype=like.real.dtype, device=like.device))
    return values.astype(like.real.dtype, copy=False)

"""Arguments of kernels: what decides which machine code is right for them, and how they are handed over.

numba's calling convention: an array is two pointers for counting references (none here), the number of its items, their
size, the place of the first, its shape and its strides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ctypes import c_double, c_float, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any

import numpy as np

NUMBERS: dict[type, Any] = {
    float: c_double,
    np.float64: c_double,
    np.float32: c_float,
    int: c_int64,
    np.int64: c_int64,
    np.int32: c_int32,
    np.uint64: c_uint64,
    np.uint32: c_uint32,
}
"""Kinds of numbers that kernels take."""


def form_of(argument: Any) -> object:
    """What must be the same for the same machine code: kind of number, or type of items, number of axes and order.

    Raises:
        TypeError: an array is neither in C nor in Fortran order.
    """
    if type(argument) is not np.ndarray:
        return type(argument)
    flags = argument.flags
    if flags.c_contiguous:
        return argument.dtype, argument.ndim, "C"
    if flags.f_contiguous:
        return argument.dtype, argument.ndim, "F"
    raise TypeError("a kernel takes arrays in C or Fortran order")


def told(form: object) -> str:
    """A form in words, the same in every process."""
    return f"{form[0].str}{form[1]}{form[2]}" if isinstance(form, tuple) else getattr(form, "__name__", "")


def words_of(arguments: Iterable[Any]) -> list[Any]:
    """Arguments as machine code takes them."""
    words: list[Any] = []
    for argument in arguments:
        if type(argument) is not np.ndarray:
            words.append(argument)
            continue
        place = argument.ctypes.data
        words += [None, None, argument.size, argument.itemsize, place, *argument.shape, *argument.strides]
    return words


def c_types(arguments: Iterable[Any]) -> Iterator[Any]:
    """Their types in C, for each word.

    Raises:
        TypeError: no kernel takes such a thing.
    """
    for argument in arguments:
        if type(argument) is np.ndarray:
            yield from (c_void_p, c_void_p, c_int64, c_int64, c_void_p, *[c_int64] * (2 * argument.ndim))
        elif type(argument) in NUMBERS:
            yield NUMBERS[type(argument)]
        else:
            raise TypeError(f"a kernel takes arrays and numbers, not {type(argument).__name__}")

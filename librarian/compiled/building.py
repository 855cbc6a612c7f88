"""Machine code of a function, by numba: imported only where it is not there yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np

from librarian.compiled.loading import RESULTS, Code, target_machine

_CALLED = re.compile(r'call [^@\n]*@"?([^"(\s]+)"?\(')
_OF_NUMBA = ("NRT_", "numba_", "Py")
_COUNTING = {"NRT_incref", "NRT_decref"}
_FREED = re.compile(r"^.*call void @NRT_MemInfo_call_dtor\(.*$", re.MULTILINE)
"""References to an array that numba did not allocate are not counted; so none is ever the last one."""


@cache
def dispatcher(function: Callable[..., object]) -> Any:
    """A function as numba compiles it, with no door from Python."""
    njit: Any = numba.njit
    return njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def built(function: Callable[..., object], arguments: Sequence[Any]) -> Code:
    """Compile a function for arguments of a form.

    Raises:
        TypeError: it allocates memory, or returns something else than one number or nothing.
    """
    compiler = dispatcher(function)
    form = tuple(map(_type, arguments))
    compiler.compile(form)
    module = llvm.parse_assembly(_FREED.sub("", compiler.inspect_llvm(form)))
    (symbol,) = (each.name for each in module.functions if _is_entry(each))
    result = str(compiler.overloads[form].signature.return_type)
    if result not in RESULTS:
        raise TypeError(f"{function.__name__} returns {result}: a kernel returns nothing, a float or an int")
    if unknown := _unknown(module):
        raise TypeError(f"{function.__name__} needs {', '.join(unknown)}: a kernel allocates nothing")
    return Code(symbol, result, target_machine().emit_object(module))


def _type(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        item: Any = numba.from_dtype(argument.dtype)
        return numba.types.Array(item, argument.ndim, "C" if argument.flags.c_contiguous else "F")
    return numba.typeof(argument)  # type: ignore[no-untyped-call]


def _is_entry(function: llvm.ValueRef) -> bool:
    return not function.is_declaration and function.linkage == llvm.Linkage.external


def _unknown(module: llvm.ModuleRef) -> list[str]:
    """What it calls that only numba has."""
    called = {name for each in module.functions if not each.is_declaration for name in _CALLED.findall(str(each))}
    return sorted(name for name in called - _COUNTING if name.startswith(_OF_NUMBA))

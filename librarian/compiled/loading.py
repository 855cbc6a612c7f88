"""Machine code in memory, by llvmlite."""

from __future__ import annotations

import platform
import threading
from collections.abc import Sequence
from ctypes import CFUNCTYPE, byref, c_double, c_int32, c_int64, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

RESULTS: dict[str, Any] = {"none": c_void_p, "float64": c_double, "int64": c_int64, "uint64": c_uint64}
_RELOCATIONS = {"x86_64": "static", "AMD64": "static"}
_ARM = ("aarch64", "arm64")

_lock = threading.Lock()


@dataclass(frozen=True)
class Code:
    """What is compiled of a function, and kept.

    Attributes:
        symbol: its name.
        result: what it returns: `none`, `float64`, `int64` or `uint64`.
        machine: an object file.
    """

    symbol: str
    result: str
    machine: bytes


class Native:
    """A function that has been loaded.

    Args:
        code: what was compiled of it.
        types: of its arguments, in C.
    """

    def __init__(self, code: Code, types: Sequence[Any]) -> None:
        prototype = CFUNCTYPE(c_int32, c_void_p, c_void_p, *types)  # a call through it releases the GIL
        self._function = prototype(_address(code))
        self._result = RESULTS[code.result]
        self._returns = code.result != "none"

    def call(self, words: Sequence[Any]) -> float | int | None:
        """Call it.

        Raises:
            RuntimeError: it raised something.
        """
        result, raised = self._result(), c_void_p()
        if self._function(byref(result), byref(raised), *words):
            raise RuntimeError("a kernel was given arrays of shapes that do not go together")
        return result.value if self._returns else None


def this_machine() -> str:
    """All that machine code hangs on, beside what it was made from."""
    return " ".join([llvmlite.__version__, llvm.get_default_triple(), llvm.get_host_cpu_name(), _features()])


@cache
def target_machine() -> llvm.TargetMachine:
    """What code is made for: this very machine."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=_features(),
        opt=3,
        reloc=_RELOCATIONS.get(platform.machine(), "default"),
        codemodel="jitdefault",
        jit=True,
    )


def _features() -> str:
    try:
        return str(llvm.get_host_cpu_features().flatten())
    except RuntimeError:  # not told on this machine
        return ""


@cache
def _engine() -> llvm.ExecutionEngine:
    target = target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target, use_lmm=platform.machine() in _ARM)


def _address(code: Code) -> int:
    with _lock:
        engine = _engine()
        engine.add_object_file(llvm.ObjectFileRef.from_data(code.machine))
        engine.finalize_object()
        return int(engine.get_function_address(code.symbol))

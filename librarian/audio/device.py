"""Where to compute: the device that was asked for, and how many threads this process has to itself."""

from __future__ import annotations

import importlib.util
import os
import re

from librarian.errors import MissingError

CPU = "cpu"
_KNOWN = re.compile(r"auto|cpu|cuda(:\d+)?")


def choose(asked: str) -> str:
    """The device to compute on. Loads torch only where the answer depends on it.

    A task is told its device (`task.device`) and has nothing to choose; this is for everything else.

    Args:
        asked: `auto` (a GPU where there is one, else the CPU), `cpu`, `cuda` (the first GPU) or `cuda:N`.

    Returns:
        `cpu` or `cuda:N`.

    Raises:
        ValueError: it is none of these.
        MissingError: there is no such GPU, or no torch to use it with.

    >>> choose("cpu")
    'cpu'
    """
    if not _KNOWN.fullmatch(asked):
        raise ValueError(f"unknown device {asked!r}; write auto, cpu, cuda or cuda:N")
    if asked == CPU or (asked == "auto" and not _may_have_gpu()):
        return CPU
    if not _has_torch():
        raise MissingError(f"{asked} needs torch: pip install 'librarian-media[gpu]', or write device: cpu")
    count, number = _count(), int(asked.partition(":")[2] or 0)
    if asked == "auto":
        return "cuda:0" if count else CPU
    if number >= count:
        found = f"torch finds cuda:0 to cuda:{count - 1}" if count else "torch finds no GPU"
        raise MissingError(f"there is no {asked}: {found}; write one of those, or device: cpu")
    return f"cuda:{number}"


def threads() -> int:
    """How many threads this process may compute with.

    A worker is told by OMP_NUM_THREADS, which OpenMP, torch and numba follow by themselves; whoever starts threads
    of their own asks here. soxr and the kernels of this package use one thread each and run without the GIL.
    Elsewhere: as many as there are cores that the process may run on.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_have_gpu() -> bool:
    """Whether to ask torch at all, which takes a second to load."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "" and _has_torch()


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _count() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0

"""torch, its relatives, and the GPUs: versions from metadata, the rest from a process of its own."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from librarian.cli.doctor.finding import ENVIRONMENT, MISSING, Finding, fail, ok, warn
from librarian.cli.doctor.holders import holders
from librarian.cli.words import size
from librarian.workers.environment import environment_of
from librarian.workers.gpus import Gpu, Lease, gpus

KNOWN = {"torch": ((2, 11), (2, 14)), "torchaudio": ((2, 11), (2, 11)), "torchcodec": ((0, 11), (0, 16))}
"""Minor versions, first and last, that were seen to work together: those of constraints.txt."""
PAIRS = {(2, 11): (0, 11), (2, 14): (0, 16)}
"""Of a torch the torchcodec that was built for it."""
_SECONDS = 120.0
_PROBE = """
import ctypes, importlib, json, sys
def say(**found):
    print(json.dumps(found), flush=True)
try:
    number = ctypes.c_int()
    if not ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number)):
        say(driver=number.value)
except (OSError, AttributeError):
    pass
import torch
found = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
say(torch=torch.__version__, cuda=getattr(getattr(torch, "version", None), "cuda", None),
    gpus=[(torch.cuda.get_device_name(each), torch.cuda.get_device_properties(each).total_memory) for each in found])
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        pass
    else:
        say(**{name: True})
"""
"""What it says are lines of JSON, one after each thing that may end it: a driver, a library."""
_CARDS = Path("/sys/bus/pci/devices")
_NVIDIA, _DISPLAY = "0x10de", "0x03"
"""A vendor of PCI devices, and how the class of those begins that compute or draw."""


def findings(find: Callable[[], Sequence[Gpu]] = gpus, cards: Path = _CARDS) -> Iterator[Finding]:
    """What is installed, whether it agrees and loads, which GPUs there are, and who has them.

    Args:
        find: tells the GPUs that the driver shows.
        cards: the folder of PCI devices.
    """
    versions = dict(_versions())
    if "torch" not in versions:
        yield ok("GPU", "not looked for: torch is not installed, and nothing that is installed needs it")
        return
    yield from _agreement(versions)
    relatives = [name for name in versions if name != "torch"]
    found = _probed(relatives)
    if "torch" not in found:
        yield fail("GPU", "torch is installed and does not load; type: python -c 'import torch'", MISSING)
        return
    yield from _loading([name for name in relatives if name not in found])
    shown = list(find())
    yield _gpu(found, len(shown), _has_card(cards))
    for each in shown:
        yield from lease(each)


def _versions() -> Iterator[tuple[str, str]]:
    for name in KNOWN:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _minor(version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _agreement(versions: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the versions that are installed are known to work together."""
    minor = {name: _minor(version) for name, version in versions.items()}
    strange = [name for name in versions if not KNOWN[name][0] <= minor[name] <= KNOWN[name][1]]
    codec = PAIRS.get(minor["torch"])
    if not strange and codec and minor.get("torchcodec", codec) != codec:
        strange = ["torchcodec"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    if not strange:
        yield ok("versions", said)
        return
    wanted = "'torch>=2.11,<2.15' 'torchaudio==2.11.*' and the torchcodec of that torch"
    yield warn("versions", f"{said}: not known to work together ({', '.join(strange)}); install {wanted}")


def _probed(relatives: Sequence[str]) -> dict[str, Any]:
    """What a process of its own sees: torch is heavy, and a broken driver may take its process with it."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, *relatives],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env=environment_of(1, None),
            check=False,
        )
        printed = done.stdout
    except subprocess.TimeoutExpired as late:
        printed = late.stdout or b""
    found: dict[str, Any] = {}
    for line in printed.splitlines():
        with contextlib.suppress(ValueError, TypeError):  # what a library prints is no line of ours
            found |= json.loads(line)
    return found


def _loading(broken: Sequence[str]) -> Iterator[Finding]:
    for name in broken:
        text = f"{name} is installed and does not load beside this torch; type: python -c 'import {name}'"
        if name == "torchcodec":
            yield warn("versions", f"{text}, or leave it: sound is read without it")
        else:
            yield fail("versions", text, MISSING)


def _gpu(found: Mapping[str, Any], shown: int, has_card: bool) -> Finding:
    torch = f"torch {found['torch']}"
    if found["gpus"]:
        names = "; ".join(f"{name}, {size(memory)}" for name, memory in found["gpus"])
        return ok("GPU", f"{names}, seen by {torch}{_driver(found)}")
    if not shown and not has_card:
        return ok("GPU", f"none on this machine: everything is computed on the CPU, by {torch}")
    if not shown:
        return warn("GPU", "an NVIDIA card is there and its driver is not; install that, and type: nvidia-smi")
    if not found["cuda"]:
        return warn("GPU", f"{torch} was built without CUDA and sees none of {shown}; type: pip install torch")
    return warn("GPU", f"{torch} sees none of {shown}{_driver(found)}; upgrade the driver, and type: nvidia-smi")


def _driver(found: Mapping[str, Any]) -> str:
    """`; the driver has CUDA 12.4, this torch wants 13.0`."""
    if "driver" not in found:
        return ""
    major, minor = divmod(found["driver"], 1000)
    return f"; the driver has CUDA {major}.{minor // 10}, this torch wants {found['cuda']}"


def _has_card(cards: Path) -> bool:
    def text(path: Path) -> str:
        try:
            return path.read_text().strip()
        except OSError:
            return ""

    devices = cards.iterdir() if cards.is_dir() else ()
    return any(text(each / "vendor") == _NVIDIA and text(each / "class").startswith(_DISPLAY) for each in devices)


def lease(gpu: Gpu) -> Iterator[Finding]:
    """Who has a GPU; nothing where nobody does."""
    place = Lease(gpu).path
    if not place.exists() and not place.is_symlink():
        return
    if place.is_symlink() or not place.is_file():
        yield fail("lease", f"{gpu.device} cannot be had: its lease in /tmp is no file; remove it", ENVIRONMENT)
        return
    for each in holders(place):
        if each.is_stopped:
            remedy = f"let it go on with kill -CONT {each.process}, or end it with kill -9 {each.process}"
            yield warn("lease", f"{gpu.device} is held by process {each.process}, which is suspended; {remedy}")
        else:
            yield ok("lease", f"{gpu.device} is held by process {each.process}; a run that wants it waits")

"""The GPUs of this machine, found without torch, and the lease that one run at a time has on each."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from librarian.errors import EnvironmentFailedError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVER = Path("/proc/driver/nvidia/gpus")
_LEASES = Path("/tmp")  # not the user's own temporary folder: all who use the machine meet here
_UUID = re.compile(r"GPU UUID:\s*(\S+)")
_ASK_SECONDS = 20.0


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name here, `cuda:N`, and the one that is its own on any machine."""

    device: str
    uuid: str


@functools.cache
def gpus() -> tuple[Gpu, ...]:
    """The GPUs that this process may use, in the order of the bus or of CUDA_VISIBLE_DEVICES."""
    return visible(_by_driver() or _by_tool(), os.environ)


def visible(uuids: list[str], environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    """Those of all GPUs that CUDA_VISIBLE_DEVICES leaves; as with CUDA, whatever follows an unknown one is left out."""
    chosen = environment.get(VISIBLE)
    if chosen is not None:
        everything, uuids = uuids, []
        for word in filter(None, (each.strip() for each in chosen.split(","))):
            found = _meant(word, everything)
            if not found:
                break
            uuids.append(found)
    return tuple(Gpu(f"cuda:{number}", uuid) for number, uuid in enumerate(dict.fromkeys(uuids)))


def _meant(word: str, uuids: list[str]) -> str:
    if word.isdigit():
        return uuids[int(word)] if int(word) < len(uuids) else ""
    if word.startswith("MIG-"):  # a part of one, which the driver's list does not name
        return word
    matching = [uuid for uuid in uuids if uuid.startswith(word)]
    return matching[0] if len(matching) == 1 else ""


def _by_driver() -> list[str]:
    try:
        texts = [(each / "information").read_text() for each in sorted(_DRIVER.iterdir())]
    except OSError:
        return []
    return [match[1] for match in map(_UUID.search, texts) if match]


def _by_tool() -> list[str]:
    """Under WSL2 the driver has no folder in /proc."""
    tool = shutil.which("nvidia-smi") or shutil.which("/usr/lib/wsl/lib/nvidia-smi")
    if tool is None:
        return []
    try:
        command = [tool, "--query-gpu=uuid", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("GPU-")]


class Lease:
    """The right to use a GPU. It ends with the process that holds it, however that ends."""

    def __init__(self, gpu: Gpu) -> None:
        self.path = _LEASES / f"librarian-gpu-{re.sub(r'[^A-Za-z0-9-]', '-', gpu.uuid)}.lock"
        self._handle = -1

    def take(self) -> bool:
        """Whether it is this process's now.

        Raises:
            EnvironmentFailedError: the file of the lease is none.
        """
        if self._handle >= 0:
            return True
        handle = self._open()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _open(self) -> int:
        # Not O_CREAT where it is there: the kernel refuses that for a file of somebody else's in a folder for all.
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
                self.path.chmod(0o666)
            handle = os.open(self.path, flags | os.O_RDONLY)
        except OSError as error:
            raise EnvironmentFailedError(f"{self.path}: {error.strerror}; remove it") from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise EnvironmentFailedError(f"{self.path} is no file; remove it")
        return handle

    def give_back(self) -> None:
        """Let the next one have it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

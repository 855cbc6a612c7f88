"""Parent side: where worker processes may be started. So many on the CPU, one on each GPU."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from librarian.errors import MissingError
from librarian.workers.gpus import VISIBLE, Gpu, Lease

CPU = "cpu"


class Devices:
    """The places for worker processes.

    Args:
        size: processes on the CPU.
        find: tells the GPUs; asked once something is for one.
        on_wait: told once of each GPU that another run has.
    """

    def __init__(self, size: int, find: Callable[[], Sequence[Gpu]], on_wait: Callable[[str], None]) -> None:
        self._size, self._find, self._on_wait = size, find, on_wait
        self._leases: dict[str, Lease] = {}
        self._waiting: set[str] = set()

    def free(self, asked: str, taken: Collection[str]) -> str:
        """A device on which one more process may be started.

        Args:
            asked: what a request is for: `cpu`, `cuda` or `cuda:N`.
            taken: the device of each process that runs.

        Returns:
            `cpu` or `cuda:N`; empty where there is no place now.

        Raises:
            MissingError: there is no such device.
        """
        if asked == CPU:
            return CPU if sum(device == CPU for device in taken) < self._size else ""
        meant = [gpu for gpu in self._find() if serves(gpu.device, asked)]
        if not meant:
            raise MissingError(f"there is no GPU {asked} on this machine; write device: cpu")
        return next((gpu.device for gpu in meant if gpu.device not in taken and self._is_ours(gpu)), "")

    def _is_ours(self, gpu: Gpu) -> bool:
        if self._leases.setdefault(gpu.device, Lease(gpu)).take():
            return True
        if gpu.device not in self._waiting:
            self._waiting.add(gpu.device)
            self._on_wait(f"waiting for the GPU {gpu.device}: another run on this machine has it")
        return False

    def environment(self, device: str) -> dict[str, str]:
        """What a process on a device is shown of the GPUs: its own, or none."""
        return {VISIBLE: next((gpu.uuid for gpu in self._find() if gpu.device == device), "") if device != CPU else ""}

    def close(self) -> None:
        """Give all GPUs back."""
        for lease in self._leases.values():
            lease.give_back()


def serves(device: str, asked: str) -> bool:
    """Whether a process on a device does what is for `cpu`, `cuda` (any GPU) or `cuda:N`."""
    return device == asked or (asked == "cuda" and device.startswith("cuda"))

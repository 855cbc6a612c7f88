"""What a worker may reach, set before it imports an extension: the fence.

The kernel holds it where it can, native code and children included: seccomp the network, Landlock folders. Where it
cannot, an audit hook holds Python code. Declared hosts are always let through by the hook: the kernel knows no names.
"""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from librarian.workers import hook, landlock, seccomp

VARIABLE = "LIBRARIAN_FENCE"
_DEVICES = ("null", "zero", "full", "random", "urandom", "nvidia*", "dri", "kfd", "dxg")
_NAME_SERVER = 53
SHARED_MEMORY = "/dev/shm"
HOOK, LANDLOCK, SECCOMP = "hook", "landlock", "seccomp"


def offered() -> tuple[str, ...]:
    """What holds a worker on this machine: against the network, then against folders."""
    network = SECCOMP if seccomp.offered() else HOOK
    folders = LANDLOCK if landlock.version() else HOOK
    return (network, folders) if network != folders else (HOOK,)


@dataclass(frozen=True)
class Fence:
    """What a worker may reach.

    Attributes:
        means: what holds it, as `offered` said; a worker that cannot set it up ends.
        writable: folders that it may write to, beside its scratch folder.
        hidden: a folder whose files it cannot read; empty for none.
        hosts: hosts that it may talk to, `name` or `name:port`; none: it has no network.
    """

    means: tuple[str, ...]
    writable: tuple[str, ...] = ()
    hidden: str = ""
    hosts: tuple[str, ...] = ()

    def variable(self) -> dict[str, str]:
        """It as a variable of a worker's environment, where no list of processes shows it."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def take(cls, environment: dict[str, str] | os._Environ[str]) -> Fence:
        """What the environment says, which says it no longer.

        Raises:
            KeyError: it says nothing.
        """
        told: Mapping[str, object] = json.loads(environment.pop(VARIABLE))
        return cls(**{name: tuple(each) if isinstance(each, list) else each for name, each in told.items()})  # type: ignore[arg-type]

    def close(self, shielded: Collection[int]) -> None:
        """Set it, for good.

        Args:
            shielded: processes and, as negative numbers, groups that get no signal from behind it.

        Raises:
            OSError: the kernel refused.
        """
        writable = [*self.writable, tempfile.gettempdir(), SHARED_MEMORY]
        devices = [path for name in _DEVICES for path in glob.glob(f"/dev/{name}")]
        if LANDLOCK in self.means:
            landlock.restrict(writable=writable, devices=devices, hidden=self.hidden, ports=self._ports())
        else:
            hook.keep_folders([*writable, *devices], self.hidden)
        if SECCOMP in self.means:
            seccomp.install(network=bool(self.hosts), shielded=shielded)
        if self.hosts or SECCOMP not in self.means:
            hook.keep_hosts(self.hosts)

    def _ports(self) -> set[int] | None:
        """TCP ports of the declared hosts and of name servers; None where a host is declared without one."""
        if not self.hosts:
            return set()
        ports = {port for _, port in map(hook.host_and_port, self.hosts)}
        return None if None in ports else {_NAME_SERVER, *(port for port in ports if port)}

"""Child side: what a worker and the programs that it starts reach of what a fence keeps from them, tried for real.

`python -m librarian.workers.tried OUTSIDE HIDDEN` is such a program: no audit hook holds there, only the kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NETWORK, FOLDERS, HIDDEN = "network", "folders", "hidden"


def reached(outside: Path, hidden: Path) -> list[str]:
    """What this process reaches: the network, a folder outside of its own, the project's own files.

    Args:
        outside: a folder that it should not write to.
        hidden: a file that it should not read.
    """
    acts: dict[str, Callable[[], object]] = {
        NETWORK: lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        FOLDERS: lambda: (outside / os.urandom(8).hex()).write_bytes(b""),
        HIDDEN: hidden.read_bytes,
    }
    return [what for what, act in acts.items() if _succeeds(act)]


def _succeeds(act: Callable[[], object]) -> bool:
    with contextlib.suppress(OSError):
        act()
        return True
    return False


def reached_from_below(outside: Path, hidden: Path) -> list[str]:
    """What a program reaches that this process starts.

    Raises:
        RuntimeError: it does not start, or says nothing.
    """
    command = [sys.executable, "-P", "-m", __name__, os.fspath(outside), os.fspath(hidden)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError("no program can be started from it")
    return [str(each) for each in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(reached(*map(Path, sys.argv[1:]))))

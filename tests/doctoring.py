"""What doctor says, by what each finding is about; and a torch that is quick to load."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import Archive

FAKE_TORCH = """
from types import SimpleNamespace as space
__version__ = "2.14.1+cu130"
version = space(cuda={cuda!r})
cuda = space(is_available=lambda: {gpus} > 0, device_count=lambda: {gpus},
             get_device_name=lambda number: f"NVIDIA H{{number}}",
             get_device_properties=lambda number: space(total_memory=150_000_000_000))
"""

HOLDING = """
import fcntl, signal, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
signal.pause()
"""


def found(archive: Archive, *options: str, code: int = 0) -> list[tuple[str, str, str]]:
    """What, state and text of each finding."""
    told = json.loads(archive.librarian("doctor", "--json", *options, code=code).stdout)
    return [(each["what"], each["state"], each["text"]) for each in told]


def of(findings: list[tuple[str, str, str]], what: str) -> tuple[str, str]:
    """State and text of the only finding about something."""
    ((_, state, text),) = [each for each in findings if each[0] == what]
    return state, text


def lay_torch(archive: Archive, site: Path, *, cuda: str | None = "13.0", gpus: int = 0, **instead: str) -> None:
    """Lay a torch and its relatives into a folder that comes first, each of them `instead` with other code.

    None of them may be imported by a process of librarian's.
    """
    site.mkdir(exist_ok=True)
    codes = {"torch": FAKE_TORCH.format(cuda=cuda, gpus=gpus), "torchaudio": "", "torchcodec": ""} | instead
    for name, code in codes.items():
        (site / f"{name}.py").write_text(f"import sys\nassert 'librarian' not in sys.modules\n{code}\n")
    archive.environment["PYTHONPATH"] = str(site)


@contextlib.contextmanager
def holding(lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock of a file."""
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder
        holder.kill()


def suspend(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-Z does."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

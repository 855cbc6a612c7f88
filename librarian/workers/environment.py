"""The variables of a worker's environment: no key, no telemetry, threads as many as it may use, places for caches."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from librarian.files import cache_folder, remove_tree
from librarian.keys import SECRET_VARIABLES

_QUIET = {
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_CACHES = {
    "LIBRARIAN_KERNELS": "kernels",
    "NUMBA_CACHE_DIR": "numba",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "MPLCONFIGDIR": "matplotlib",
}
"""Where libraries keep what they compiled or found out, below the one folder that outlives a worker."""
_OLD = 3600.0
"""Seconds: another container's processes are not seen here, and their folders may be."""
_SCRATCH = re.compile(r"librarian-(\d+)-[0-9a-f]{8}")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def loud(environment: Mapping[str, str]) -> list[str]:
    """Variables by which a library of a worker would tell others what it does, or ask a hub, sorted."""
    return sorted(name for name, value in _QUIET.items() if environment.get(name) != value)


def make_cache() -> Path | None:
    """A folder for what extensions keep between runs, such as compiled kernels; None where none can be made."""
    folder = cache_folder() / "extensions"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def remove_left_scratch() -> None:
    """Remove the scratch folders of keepers that were killed before they could."""
    if sys.platform != "linux":  # no telling which of them live
        return
    for folder in Path(tempfile.gettempdir()).glob("librarian-*-*"):
        named = _SCRATCH.fullmatch(folder.name)
        with contextlib.suppress(OSError):
            status = folder.lstat()
            ours = named and status.st_uid == os.getuid() and time.time() - status.st_mtime > _OLD
            if ours and named and not os.path.exists(f"/proc/{named[1]}"):
                remove_tree(folder)


def environment_of(threads: int, cache: Path | None) -> dict[str, str]:
    """The variables that a worker starts with.

    Args:
        threads: threads it may use for numeric work.
        cache: where libraries keep what they compiled.
    """
    environment = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    environment |= _QUIET
    environment |= {name: str(threads) for name in _THREAD_VARIABLES}
    environment |= {} if cache is None else {name: str(cache / folder) for name, folder in _CACHES.items()}
    return environment | {"PYTHONHASHSEED": "0", "TMPDIR": tempfile.gettempdir()}

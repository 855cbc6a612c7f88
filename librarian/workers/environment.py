"""The variables of a worker's environment: no key, no telemetry, threads as many as it may use, places for caches."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from librarian.files import cache_folder
from librarian.keys import KEY_VARIABLE

_QUIET = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_CACHES = {
    "NUMBA_CACHE_DIR": "numba",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "MPLCONFIGDIR": "matplotlib",
}
"""Where libraries keep what they compiled or found out, below the one folder that outlives a worker."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def make_cache() -> Path | None:
    """A folder for what extensions keep between runs, such as compiled kernels; None where none can be made."""
    folder = cache_folder() / "extensions"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def environment_of(threads: int, cache: Path | None) -> dict[str, str]:
    """The variables that a worker starts with.

    Args:
        threads: threads it may use for numeric work.
        cache: where libraries keep what they compiled.
    """
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    environment |= _QUIET
    environment |= {name: str(threads) for name in _THREAD_VARIABLES}
    environment |= {} if cache is None else {name: str(cache / folder) for name, folder in _CACHES.items()}
    return environment | {"PYTHONHASHSEED": "0", "TMPDIR": tempfile.gettempdir()}

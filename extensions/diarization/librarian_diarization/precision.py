"""Float32 throughout, on any device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 throughout; TF32 and the number of threads are afterwards as they were."""
    import torch

    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before, threads = (matmul.allow_tf32, cudnn.allow_tf32), torch.get_num_threads()
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)

"""On a real GPU: what torch says when memory does not suffice, and when the GPU is broken."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from pools import Told, run

from librarian.workers.gpus import gpus

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not gpus() or find_spec("torch") is None, reason="needs a GPU and torch"),
]
WORK = """
def large(task):
    import torch
    note(task, "try", size=task.settings.size, names=[torch.cuda.device_count(), task.device])
    told(task)
    torch.zeros(task.settings.size << 30, dtype=torch.uint8, device=task.device)
    return text(task)
"""
OPERATIONS = """[("large", "large", {"ladder": lambda settings: [{"size": 1}],
                                    "resources": librarian.Resources(gpu="optional", timeout="2 min")})]"""
BREAK = """
import torch
torch.zeros(2, device=task.device)[torch.tensor([5], device=task.device)]
torch.cuda.synchronize()
"""


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path, OPERATIONS, WORK)


def test_a_task_for_which_the_gpu_is_too_small_takes_the_next_rung(told: Told) -> None:
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("large", 1, device="cuda", size=100_000)]).values()
    assert [each["size"] for each in told.seen("try")] == [100_000, 1]
    assert [each["names"] for each in told.seen("try")] == [[1, "cuda:0"]] * 2
    assert answer["degraded"]


def test_a_task_that_breaks_the_gpu_takes_nobody_with_it(told: Told) -> None:
    told.does(2, BREAK)
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("large", seed, device="cuda", size=1) for seed in (1, 2, 3)])
    assert [seed for seed, answer in found.items() if answer["type"] == "failed"] == [2]

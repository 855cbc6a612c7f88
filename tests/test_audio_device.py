"""Which device it is, and how many threads; on machines with and without a GPU, with and without torch."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from librarian.audio import device
from librarian.errors import MissingError


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that torch finds so many."""

    def pretend(count):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return pretend


@pytest.mark.parametrize(
    ("asked", "count", "chosen"),
    [
        ("auto", 0, "cpu"), ("auto", 2, "cuda:0"), ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"), ("cuda:0", 1, "cuda:0"), ("cuda:1", 2, "cuda:1"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_chosen_where_it_is(gpus, asked, count, chosen):
    gpus(count)
    assert device.choose(asked) == chosen


@pytest.mark.parametrize(("asked", "count", "found"), [("cuda", 0, "no GPU"), ("cuda:2", 2, "cuda:0 to cuda:1")])
def test_what_is_not_there_is_said_with_what_to_write(gpus, asked, count, found):
    gpus(count)
    with pytest.raises(MissingError, match=f"no {asked}: torch finds {found}; write .*device: cpu"):
        device.choose(asked)


def test_without_torch_there_is_only_the_cpu(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert device.choose("auto") == device.choose("cpu") == "cpu"
    with pytest.raises(MissingError, match="pip install"):
        device.choose("cuda:0")


@pytest.mark.parametrize("asked", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CPU"])
def test_other_words_are_refused(asked):
    with pytest.raises(ValueError, match="cuda:N"):
        device.choose(asked)


@pytest.mark.parametrize(("asked", "visible"), [("cpu", "0"), ("auto", "")])
def test_torch_is_not_loaded_where_the_answer_is_known(asked, visible):
    code = f"from librarian.audio import device; import sys; print(device.choose({asked!r}), 'torch' in sys.modules)"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": visible}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "cpu False\n"


def test_a_worker_computes_with_as_many_threads_as_it_was_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert device.threads() == 3


@pytest.mark.parametrize("told", ["", "0", "2,1"])
def test_elsewhere_it_is_one_for_each_core_it_may_use(monkeypatch, told):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    assert device.threads() == 3

"""What a task leaves behind in its worker is put back, or the worker goes."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from pools import Told, answers, run

TORCH = """
threads, tf32, seeded = 4, True, None
class AcceleratorError(RuntimeError): pass
class matmul:
    allow_tf32 = True
class backends:
    class cuda:
        matmul = matmul
def set_num_threads(number):
    global threads
    threads = number
def get_num_threads(): return threads
def manual_seed(seed):
    global seeded
    seeded = seed
"""
UNSETTLE = """
import locale, os, random, resource, signal, sys
os.chdir("/"); os.umask(0); os.environ["ODD"] = "1"; del os.environ["HF_HUB_OFFLINE"]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 8, hard))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.3)
locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")
sys.stdout = sys.stderr = open(os.devnull, "w")
"""
LOOK = """
import locale, os, resource, signal, sys
mask = os.umask(0o077); os.umask(mask)
note(task, "state", folder=os.getcwd(), mask=mask, environment=sorted(os.environ),
     locale=locale.setlocale(locale.LC_ALL), limit=resource.getrlimit(resource.RLIMIT_NOFILE),
     stdout=sys.stdout.fileno(), stderr=sys.stderr.fileno(),
     term=str(signal.getsignal(signal.SIGTERM)), usr1=str(signal.getsignal(signal.SIGUSR1)),
     alarm=signal.getitimer(signal.ITIMER_REAL)[0])
"""
DRAW = """
import random, sys
import numpy
note(task, "drawn", numbers=[random.random(), float(numpy.random.random())], torch=sys.modules["torch"].seeded)
"""
WORK = """
class Split:
    def __init__(self, settings, device):
        pass
    def read(self, task):
        return task
    def compute(self, tasks):
        told(tasks[0])
        return tasks
    def write(self, task, result):
        return text(task)
"""


@pytest.fixture
def told(tmp_path: Path) -> Told:
    told = Told(tmp_path, "[('plain', 'plain', {}), ('split', 'Split', {})]", WORK)
    (told.site / "torch.py").write_text(TORCH)
    return told


@pytest.mark.parametrize("operation", ["plain", "split"])
def test_the_next_task_finds_the_process_as_the_one_before_did(told: Told, operation: str) -> None:
    for seed, code in enumerate([LOOK, UNSETTLE, LOOK], 1):
        told.does(seed, code)
    with closing(told.pool()) as pool:
        found = run(pool, [told.request(operation, seed) for seed in (1, 2, 3)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    before, after = ({**each, "seed": 0, "time": 0} for each in told.seen("state"))
    assert before == after
    assert before["mask"] == 0o077


def test_what_is_computed_by_chance_hangs_on_the_task_and_not_on_those_before_it(told: Told) -> None:
    for seed in (1, 2, 3):
        told.does(seed, "import torch\n" + DRAW)
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", seed) for seed in (1, 2, 3)])
        first = told.seen("drawn")
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", seed) for seed in (3, 2, 1)])
    again = told.seen("drawn")[3:]
    numbers = {each["seed"]: each["numbers"] for each in first[1:]}
    assert numbers[2] == again[1]["numbers"]
    assert len({tuple(each["numbers"]) for each in first}) == 3
    assert [each["torch"] for each in first] == [None, 2, 3]  # once it is loaded


def test_settings_of_torch_are_put_back(told: Told) -> None:
    told.does(1, "import torch; torch.set_num_threads(7)")  # loads it: the number that workers are told
    told.does(
        2, "import torch; note(task, 'torch', n=torch.threads); torch.matmul.allow_tf32 = False; torch.threads = 9"
    )
    told.does(3, "import torch; note(task, 'torch', n=torch.threads, tf32=torch.matmul.allow_tf32)")
    with closing(told.pool(threads=2)) as pool:
        run(pool, [told.request("plain", seed) for seed in (1, 2, 3)])
    assert [each["n"] for each in told.seen("torch")] == [2, 2]
    assert told.seen("torch")[1]["tf32"]


def test_a_task_that_changes_its_settings_changes_them_for_no_other(told: Told) -> None:
    for seed in (1, 2):
        told.does(seed, "task.settings.names.append('x'); note(task, 'names', names=task.settings.names)")
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", seed) for seed in (1, 2)])
    assert [each["names"] for each in told.seen("names")] == [["x"], ["x"]]


LEAKS = {
    "threads": "[threading.Thread(target=time.sleep, args=(1000,), daemon=True).start() for _ in range(20)]",
    "files": "import builtins; builtins.kept = [open(os.devnull) for _ in range(80)]",
}


@pytest.mark.parametrize("leak", ["threads", "files"])
def test_a_worker_in_which_much_was_left_behind_is_replaced(told: Told, leak: str) -> None:
    told.does(2, LEAKS[leak])
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed) for seed in range(1, 6)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    pids = [each["pid"] for each in told.seen("end")]
    assert pids[0] == pids[1]
    assert pids[1] != pids[-1] == pids[-2]


def test_a_little_that_is_left_behind_costs_nothing(told: Told) -> None:
    for seed in (1, 2, 3):
        told.does(seed, LEAKS["threads"].replace("20", "3") + "\nkept = open(os.devnull)")
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", seed) for seed in range(1, 6)])
    assert len({each["pid"] for each in told.seen("end")}) == 1


def test_a_worker_whose_state_cannot_be_put_back_is_replaced(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = told.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)  # where workers begin
    told.does(1, f"os.chdir('/'); os.rmdir({str(gone)!r})")
    with closing(told.pool()) as pool:
        first = run(pool, [told.request("plain", 1)])
        monkeypatch.chdir(told.folder)
        run(pool, [told.request("plain", 2)])
    assert first[1]["type"] == "done"
    assert len({each["pid"] for each in told.seen("end")}) == 2


BROKEN = "raise RuntimeError('CUDA error: device-side assert triggered')"


def test_a_gpu_that_another_task_may_have_broken_is_tried_once_more(told: Told) -> None:
    # The second task breaks it only where one was before it.
    told.does(2, f"if len([1 for line in open(task.settings.log) if str(os.getpid()) in line]) > 1: {BROKEN}")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed) for seed in (1, 2, 3)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    tried = [each["pid"] for each in told.seen("begin") if each["seed"] == 2]
    assert len(set(tried)) == 2


@pytest.mark.parametrize("error", [BROKEN, "import torch; raise torch.AcceleratorError('unspecified launch failure')"])
def test_a_task_that_breaks_its_gpu_fails_and_takes_nobody_with_it(told: Told, error: str) -> None:
    told.does(2, error)
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed) for seed in (1, 2, 3, 4)])
    assert [seed for seed, answer in found.items() if answer["type"] == "failed"] == [2]
    assert found[2]["cause"]["reason"] == "error"
    tried = [each["pid"] for each in told.seen("begin") if each["seed"] == 2]
    assert len(tried) == len(set(tried)) == 2
    assert {each["pid"] for each in told.seen("end") if each["seed"] in (3, 4)}.isdisjoint(tried)


def test_nothing_is_begun_where_the_gpu_is_broken(told: Told) -> None:
    told.does(2, f"time.sleep(0.2)\n{BROKEN}")
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", 1)])
        for seed in (2, 3):
            pool.submit(told.request("plain", seed))
        assert len(pool._processes[0].assigned.under_way) == 2
        time.sleep(0.8)  # in which nobody ends the worker
        assert [each["seed"] for each in told.seen("begin")] == [1, 2]
        assert dict(answers(pool))[3]["type"] == "done"

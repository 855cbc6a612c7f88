"""Where memory does not suffice a task goes down its ladder, and its answer says how far."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from pools import Told, run

from librarian.workers import memory
from librarian.workers import pool as pool_module

WORK = """
def hungry(task):
    note(task, "try", size=task.settings.size, mild=task.settings.mild, device=task.device)
    half = task.folder / f"half{task.settings.size}-{task.settings.mild}.txt"
    half.write_text("left by a try")
    told(task)
    half.unlink()
    return text(task)

def refuse_above(task, size, error=MemoryError):
    if task.settings.size > size: raise error

class Batch:
    batch = 4
    def __init__(self, settings, device):
        self.settings = settings
    def read(self, task):
        return task
    def compute(self, tasks):
        for task in tasks:
            note(task, "try", size=self.settings.size, together=len(tasks))
            told(task)
        if len(tasks) > 1 and pathlib.Path(self.settings.log).with_name("small").exists(): raise MemoryError
        return tasks
    def write(self, task, result):
        return text(task)

class Kept:
    def __init__(self, settings, device):
        self.held = b"x" * (settings.size << 20)
        with open(settings.log, "a") as log:
            log.write(json.dumps({"what": "built", "size": settings.size, "mild": settings.mild}) + "\\n")
    def __call__(self, task):
        return plain(task)

def leaks(task):
    import builtins
    builtins.held = getattr(builtins, "held", b"") + b"x" * (task.settings.size << 20)
    return plain(task)
"""
LADDER = "'ladder': lambda settings: [{'mild': 1}, {'size': settings.size // 2}, {'size': settings.size // 4}]"
OPERATIONS = f"""[
    ("hungry", "hungry", {{{LADDER}}}),
    ("batch", "Batch", {{{LADDER}}}),
    ("fixed", "hungry", {{}}),
    ("device", "hungry", {{"resources": librarian.Resources(gpu="optional")}}),
    ("kept", "Kept", {{"resources": librarian.Resources(memory="300 MiB")}}),
    ("peaky", "Kept", {{"resources": librarian.Resources(memory="600 MiB")}}),
    ("modest", "Kept", {{"resources": librarian.Resources(memory="1 MiB")}}),
    ("leaks", "leaks", {{"resources": librarian.Resources(memory="1 MiB")}}),
    ("wrong", "hungry", {{"ladder": lambda settings: [{{"none": 1}}]}}),
]"""
TORCH = """
class OutOfMemoryError(RuntimeError): pass
def manual_seed(seed): pass
class cuda:
    emptied = 0
    @classmethod
    def empty_cache(cls): cls.emptied += 1
"""


@pytest.fixture
def told(tmp_path: Path) -> Told:
    told = Told(tmp_path, OPERATIONS, WORK)
    (told.site / "torch.py").write_text(TORCH)
    return told


def tries(told: Told, seed: int) -> list[tuple[int, int]]:
    return [(each["size"], each["mild"]) for each in told.seen("try") if each["seed"] == seed]


def test_a_task_goes_down_to_the_rung_with_which_memory_suffices(told: Told) -> None:
    told.does(1, "refuse_above(task, 60)")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert tries(told, 1) == [(100, 0), (100, 1), (50, 0)]
    assert answer["rungs"] == [{"settings": {"mild": 1}}, {"settings": {"size": 50}}]
    assert answer["degraded"]
    assert [each["file"] for each in answer["outputs"]] == ["u.hungry.text.txt"]
    assert len(list(told.folder.glob("task1/*"))) == 1  # nothing is left of the tries before


def test_a_rung_that_cannot_change_the_result_leaves_it_undegraded(told: Told) -> None:
    told.does(1, "if not task.settings.mild: raise MemoryError")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert (answer["type"], answer["degraded"]) == ("done", False)
    assert answer["rungs"] == [{"settings": {"mild": 1}}]


def test_a_rung_that_is_what_was_asked_for_is_not_tried_again(told: Told) -> None:
    told.does(1, "refuse_above(task, 60)")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100, mild=1)]).values()
    assert tries(told, 1) == [(100, 1), (50, 1)]
    assert answer["rungs"] == [{"settings": {"size": 50}}]


def test_the_next_task_begins_where_memory_sufficed(told: Told) -> None:
    told.does(1, "refuse_above(task, 60)")
    with closing(told.pool()) as pool:
        first = run(pool, [told.request("hungry", 1, size=100)])
        more = run(pool, [told.request("hungry", 2, size=100), told.request("hungry", 3, size=200)])
    assert first[1]["degraded"]
    assert tries(told, 2) == [(50, 0)]
    assert more[2]["degraded"]
    assert more[2]["rungs"] == [{"settings": {"size": 50}}]
    assert tries(told, 3) == [(200, 0)]  # another route
    assert "rungs" not in more[3]


def test_where_no_rung_suffices_the_answer_names_those_that_were_tried(told: Told) -> None:
    told.does(1, "refuse_above(task, 0)")
    told.does(2, "raise MemoryError")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("hungry", 1, size=100), told.request("fixed", 2)])
    assert found[1]["cause"]["reason"] == found[2]["cause"]["reason"] == "out_of_memory"
    assert found[1]["cause"]["message"] == (
        "memory does not suffice, nor with mild 1, nor with size 50, nor with size 25"
    )
    assert found[2]["cause"]["message"] == "memory does not suffice"


@pytest.mark.parametrize(
    "error",
    [
        "import torch; raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')",
        'raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can\'t allocate memory")',
        "raise RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)')",
        "raise OSError(12, 'Cannot allocate memory')",
    ],
)
def test_every_form_of_it_is_recognised(told: Told, error: str) -> None:
    told.does(1, error if "size" in error else f"if task.settings.size > 60:\n    {error}")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert answer["degraded"]


def test_other_errors_take_no_rung(told: Told) -> None:
    told.does(1, "raise RuntimeError('out of luck')")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert answer["cause"]["reason"] == "error"
    assert tries(told, 1) == [(100, 0)]


def test_the_cpu_is_the_last_rung_of_what_may_run_there(told: Told) -> None:
    told.does(1, "import torch\nif task.device != 'cpu': raise torch.OutOfMemoryError\nassert torch.cuda.emptied")
    request = told.request("device", 1)
    request.message["device"] = "cuda:0"  # asked of a worker of the CPU: there is no GPU here
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [request]).values()
    assert answer["type"] == "done", answer
    assert (answer["rungs"], answer["degraded"]) == ([{"device": "cpu"}], False)
    assert [each["device"] for each in told.seen("try")] == ["cuda:0", "cpu"]


def test_a_batch_that_takes_too_much_memory_is_computed_singly_from_then_on(told: Told) -> None:
    (told.folder / "small").touch()
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("batch", seed, size=100) for seed in range(1, 12)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    assert [each["together"] > 1 for each in told.seen("try")].count(True) <= 4
    assert found[1].get("rungs", []) == []
    assert found[11]["rungs"] == [{"singly": True}]
    assert not found[11]["degraded"]


def test_a_task_of_a_pipeline_goes_down_its_ladder_alone(told: Told) -> None:
    told.does(5, "if task.settings.size > 60: raise MemoryError")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("batch", seed, size=100) for seed in range(1, 9)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    assert found[5]["degraded"]
    assert found[5]["rungs"][-1] == {"settings": {"size": 50}}
    assert Counter(each["seed"] for each in told.seen("try"))[5] >= 4  # in its batch, singly, alone, on each rung


def test_a_ladder_that_gives_no_settings_is_the_extension_s_fault(told: Told) -> None:
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("wrong", 1)]).values()
    assert answer["cause"]["reason"] == "bad_output"
    assert "ladder of wrong" in answer["cause"]["message"]


def test_a_worker_that_the_kernel_ended_for_memory_is_followed_by_one_on_the_next_rung(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmstat = told.folder / "vmstat"
    vmstat.write_text("nr_free_pages 5\noom_kill 3\n")
    monkeypatch.setattr(memory, "_VMSTAT", vmstat)
    # Each kill adds one to what the kernel counts.
    told.does(
        1,
        "import signal\n"
        "if task.settings.size > 60:\n"
        f"    tries = len(open(task.settings.log).read().splitlines())\n"
        f"    pathlib.Path({str(vmstat)!r}).write_text(f'oom_kill {{3 + tries}}\\n')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert tries(told, 1) == [(100, 0), (100, 1), (50, 0)]
    assert len({each["pid"] for each in told.seen("try")}) == 3
    assert answer["degraded"]
    assert answer["rungs"] == [{"settings": {"mild": 1}}, {"settings": {"size": 50}}]


def test_a_kill_that_was_not_for_memory_is_a_crash(told: Told) -> None:
    told.does(1, "import signal; os.kill(os.getpid(), signal.SIGKILL)")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("hungry", 1, size=100)]).values()
    assert (answer["cause"]["reason"], answer["cause"]["signal"]) == ("crash", 9)
    assert tries(told, 1) == [(100, 0)]


def budget(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Give the one worker of a pool so much (MiB)."""
    monkeypatch.setattr(pool_module, "machine_memory", lambda: float(size << 20) / memory.SHARE)


def built(told: Told) -> list[int]:
    return [each["mild"] for each in told.seen("built")]


def test_runners_stay_warm_as_long_as_memory_holds_them(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(monkeypatch, 800)
    with closing(told.pool()) as pool:
        run(pool, [told.request("kept", seed, size=1, mild=seed % 6) for seed in range(1, 13)])
        assert sorted(built(told)) == list(range(6))


def test_the_runner_that_was_not_used_for_longest_makes_room(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(monkeypatch, 800)
    with closing(told.pool()) as pool:
        for seed, route in enumerate([1, 2, 1, 3, 1, 2], 1):
            run(pool, [told.request("kept", seed, size=300, mild=route)])
    assert built(told) == [1, 2, 3, 2]


def test_room_is_made_for_what_a_task_needs_before_it_begins(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(monkeypatch, 800)
    with closing(told.pool()) as pool:
        for seed, route in enumerate([1, 2, 1], 1):
            run(pool, [told.request("peaky", seed, size=250, mild=route)])
    assert built(told) == [1, 2, 1]  # 250 MiB that one holds and 600 MiB that the other may need are too much


def test_a_runner_that_holds_more_than_was_declared_is_measured(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(monkeypatch, 800)
    with closing(told.pool()) as pool:
        for seed, route in enumerate([1, 2, 3, 2, 1], 1):
            run(pool, [told.request("modest", seed, size=300, mild=route)])
        warm = set(pool._processes[0].assigned.warm)
    assert built(told) == [1, 2, 3, 1]
    assert len(warm) == 2  # the parent knows what went
    assert len({each["pid"] for each in told.seen("end")}) == 1


def test_a_runner_that_needs_more_than_its_part_stays_warm(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(monkeypatch, 200)
    with closing(told.pool()) as pool:
        run(pool, [told.request("kept", seed, size=290) for seed in range(1, 5)])
    assert built(told) == [0]


def test_a_worker_that_holds_too_much_with_nothing_warm_is_replaced(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(monkeypatch, 500)
    with closing(told.pool()) as pool:
        for seed in range(1, 5):
            run(pool, [told.request("leaks", seed, size=240)])
    pids = [each["pid"] for each in told.seen("end")]
    assert pids[0] == pids[1] != pids[2] == pids[3]

"""Requests under way at once: who waits, who is blamed, what overlaps, and what is computed together."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from pools import Told, answers, run

from librarian.workers.messages import Message

SPLIT = """
class Split:
    batch = 3
    def __init__(self, settings, device):
        pass
    def read(self, task):
        note(task, "read")
        if task.seed % 100 == 66: raise ValueError("cannot be read")
        return task
    def compute(self, tasks):
        for task in tasks:
            note(task, "compute", together=len(tasks))
        for task in tasks:
            told(task)
        note(tasks[0], "computed")
        return [task.seed for task in tasks]
    def write(self, task, result):
        note(task, "write")
        if task.seed % 100 == 77: raise ValueError("cannot be written")
        return text(task)

class Single(Split):
    batch = 1
    def compute(self, tasks):
        time.sleep(0.05)
        return super().compute(tasks)

class Short(Split):
    def compute(self, tasks):
        return super().compute(tasks)[1:]
"""
OPERATIONS = "[('plain', 'plain', {}), ('split', 'Split', {}), ('single', 'Single', {}), ('short', 'Short', {})]"


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path, OPERATIONS, SPLIT)


def crash(seed: int, told: Told) -> None:
    told.does(seed, "os._exit(7)")


def test_a_worker_has_the_next_task_before_it_is_done_with_this_one(told: Told) -> None:
    told.does(2, "time.sleep(0.3)")
    with closing(told.pool()) as pool:
        requests = [told.request("plain", seed) for seed in (1, 2, 3, 4)]
        for request in requests:
            pool.submit(request)
        assert [request.message["seed"] for request, _ in pool.wait(None)] == [1]
        waiting = [each.message["seed"] for each in pool._processes[0].assigned.under_way.values()]
        assert waiting == [2, 3]
        assert [seed for seed, _ in answers(pool)] == [2, 3, 4]
    assert requests[2].waited >= 0.3  # until it was begun, not until it was sent


def test_only_the_task_that_ran_is_blamed_for_a_crash(told: Told) -> None:
    crash(2, told)
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed) for seed in range(1, 6)])
    assert found[2]["cause"]["exit_code"] == 7
    assert [seed for seed, answer in found.items() if answer["type"] == "done"] == [1, 3, 4, 5]
    assert Counter(each["seed"] for each in told.seen("begin")) == Counter([1, 2, 3, 4, 5])


def test_the_clock_of_a_waiting_task_stands_still(told: Told) -> None:
    for seed in (2, 3):
        told.does(seed, "time.sleep(0.7)")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed, timeout=1.1) for seed in (1, 2, 3)])
    assert {answer["type"] for answer in found.values()} == {"done"}


def test_a_task_that_takes_too_long_costs_those_that_wait_for_it_nothing(told: Told) -> None:
    told.does(2, "time.sleep(1000)")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("plain", seed, timeout=1.0) for seed in (1, 2, 3)])
    assert found[2]["cause"]["reason"] == "timeout"
    assert found[1]["type"] == found[3]["type"] == "done"


def test_reading_and_writing_go_on_while_another_task_is_computed(told: Told) -> None:
    with closing(told.pool()) as pool:
        run(pool, [told.request("single", seed) for seed in range(1, 9)])
    when = {(each["what"], each["seed"]): each["time"] for each in told.seen()}
    threads = {each["what"]: each["thread"] for each in told.seen()}
    assert when["read", 6] < when["compute", 5]
    assert when["write", 4] < when["compute", 6]
    assert threads["compute"] == "MainThread"
    assert threads["read"].startswith("read") and threads["write"].startswith("write")


def test_no_more_is_read_ahead_than_a_batch_and_one(told: Told) -> None:
    for seed in range(2, 30):
        told.does(seed, "time.sleep(0.02)")
    with closing(told.pool()) as pool:
        run(pool, [told.request("split", seed) for seed in range(1, 30)])
    ahead, at_the_end = 0, []
    for each in told.seen():
        ahead += {"read": 1, "compute": -1}.get(each["what"], 0)
        at_the_end += [ahead] * (each["what"] == "computed")
    assert max(at_the_end) <= 3 + 1
    assert max(each["together"] for each in told.seen("compute")) == 3


def test_a_pool_says_how_many_requests_it_has_a_use_for(told: Told) -> None:
    with closing(told.pool()) as pool:
        assert pool.useful < 8
        run(pool, [told.request("split", 1)])
        assert pool.useful >= 3 + 3 + 3 + 1  # computed, written, read and one


def test_the_results_of_a_batch_are_handed_over_one_by_one(told: Told) -> None:
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("split", seed) for seed in range(1, 12)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    assert all(answer["timings"]["compute"] > 0 for answer in found.values())
    written = {path.read_text() for path in told.folder.glob("task*/u.split.text.txt")}
    assert written == set(map(str, range(1, 12)))


def test_what_cannot_be_read_or_written_costs_its_own_task(told: Told) -> None:
    seeds = [1, 2, 66, 3, 77, 4, 166, 5]
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("split", seed) for seed in seeds])
    failed = {seed: answer["cause"]["message"] for seed, answer in found.items() if answer["type"] == "failed"}
    assert failed == {66: "cannot be read", 166: "cannot be read", 77: "cannot be written"}


def test_a_batch_that_fails_is_computed_singly_before_anyone_is_blamed(told: Told) -> None:
    told.does(4, "raise ValueError('not this one')")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("split", seed) for seed in range(1, 9)])
    assert [seed for seed, answer in found.items() if answer["type"] == "failed"] == [4]
    assert found[4]["cause"]["message"] == "not this one"
    assert {each["together"] for each in told.seen("compute") if each["seed"] == 4} > {1}


def test_a_compute_that_gives_too_little_back_fails(told: Told) -> None:
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("short", seed) for seed in (1, 2)])
    assert {answer["cause"]["reason"] for answer in found.values()} == {"bad_output"}


def test_of_several_tasks_in_a_lost_worker_each_is_tried_alone_before_one_is_blamed(told: Told) -> None:
    crash(6, told)
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("split", seed) for seed in range(1, 15)])
    assert [seed for seed, answer in found.items() if answer["type"] == "failed"] == [6]
    assert found[6]["cause"]["exit_code"] == 7
    tried = [each for each in told.seen("compute") if each["seed"] == 6]
    assert len(tried) == 2 and tried[1]["together"] == 1  # how many were computed with it at first is a matter of luck


def test_a_hang_in_a_batch_is_blamed_on_who_hangs_alone(told: Told) -> None:
    told.does(5, "time.sleep(1000)")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("split", seed, timeout=0.8) for seed in range(1, 9)])
    assert {seed: answer["cause"]["reason"] for seed, answer in found.items() if answer["type"] == "failed"} == {
        5: "timeout"
    }


def test_a_worker_that_is_slow_to_start_is_waited_for(told: Told) -> None:
    (told.site / "sitecustomize.py").write_text("import time\ntime.sleep(3.0)\n")
    with closing(told.pool(silence=2.5)) as pool:
        found = run(pool, [told.request("plain", 1)])
    assert found[1]["type"] == "done", found[1]


def test_a_worker_that_takes_nothing_in_holds_nobody_up(told: Told) -> None:
    # PyDLL keeps the interpreter's lock, so that the thread that listens does not run either.
    told.does(2, "import ctypes; ctypes.PyDLL(None).sleep(1000)")
    with closing(told.pool(silence=3.0)) as pool:
        run(pool, [told.request("plain", 1)])
        pool.submit(told.request("plain", 2))
        while not [each for each in told.seen("begin") if each["seed"] == 2]:
            pool.wait(0.05)
        large = told.request("plain", 3)
        large.message["state"] = {"text": "x" * (8 << 20)}
        pool.submit(large)
        found = dict(answers(pool))
    assert found[2]["cause"]["reason"] == "timeout"
    assert found[3]["type"] == "done", found[3]


@pytest.mark.parametrize("operation", ["plain", "single"])
def test_what_a_task_saves_is_durable_when_it_goes_on(told: Told, operation: str) -> None:
    kept = told.folder / "kept"
    for seed in (1, 2):
        told.does(seed, f"task.state.save(); note(task, 'saved', kept=pathlib.Path({str(kept)!r}).exists())")

    def keep(message: Message) -> None:
        time.sleep(0.3)
        kept.touch()

    with closing(told.pool()) as pool:
        requests = [told.request(operation, seed) for seed in (1, 2)]
        for each in requests:
            each.on_interim = keep
        run(pool, requests)
    assert [each["kept"] for each in told.seen("saved")] == [True, True]

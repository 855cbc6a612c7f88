"""Who gets what: warm workers are preferred, none idles for that, and a GPU belongs to one worker of one run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pools import Told, answers, run

from librarian.errors import EnvironmentFailedError, MissingError
from librarian.workers import gpus
from librarian.workers.assigned import Assigned, Warm
from librarian.workers.gpus import Gpu, Lease
from librarian.workers.requests import Request
from librarian.workers.routing import WINDOW, for_idle

WORK = """
class Kept:
    def __init__(self, settings, device):
        with open(settings.log, "a") as log:
            log.write(json.dumps({"what": "built", "size": settings.size}) + "\\n")
    def __call__(self, task):
        note(task, "done", device=task.device, shown=os.environ["CUDA_VISIBLE_DEVICES"], size=task.settings.size)
        told(task)
        return text(task)
"""
GPUS = (Gpu("cuda:0", "GPU-a"), Gpu("cuda:1", "GPU-b"))


@pytest.fixture(autouse=True)
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "leases"
    folder.mkdir()
    monkeypatch.setattr(gpus, "_LEASES", folder)
    return folder


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path, "[('plain', 'plain', {}), ('kept', 'Kept', {})]", WORK)


def test_each_route_is_built_in_one_worker_where_there_are_enough_of_them(told: Told) -> None:
    for seed in range(1, 40):
        told.does(seed, "time.sleep(0.02)")
    with closing(told.pool(2)) as pool:
        run(pool, [told.request("kept", seed, size=seed) for seed in (1, 2)])
        sizes = [1, 2, *[1, 1, 1, 2, 2, 2] * 6]
        found = run(pool, [told.request("kept", seed, size=size) for seed, size in enumerate(sizes, 3)])
    assert {answer["type"] for answer in found.values()} == {"done"}
    # At the end, when only one of them is left, the other worker helps.
    assert len(told.seen("built")) <= 3


def test_a_worker_that_has_nothing_else_to_do_takes_what_it_is_cold_for(told: Told) -> None:
    for seed in (1, 2):
        told.does(seed, "time.sleep(0.5)")
    with closing(told.pool(2)) as pool:
        run(pool, [told.request("kept", seed, size=1) for seed in (1, 2)])
    first, second = told.seen("done")
    assert first["pid"] != second["pid"]
    assert second["time"] - first["time"] < 0.5


def waiting(*routes: str) -> deque[Request]:
    return deque(Request({"type": "probe"}, route=route) for route in routes)


def test_what_a_worker_is_warm_for_is_looked_for_among_the_oldest_only() -> None:
    worker = Assigned()
    worker.warm["a"] = Warm(2)
    assert for_idle(waiting("b", "b", "a"), [worker]) == (0, 2)
    assert for_idle(waiting(*"b" * WINDOW, "a"), [worker]) == (0, 0)
    assert for_idle(waiting("b"), [worker]) == (0, 0)


def test_what_waits_behind_a_long_task_goes_to_a_worker_that_is_free(told: Told) -> None:
    told.does(3, "time.sleep(2)")
    told.does(4, "time.sleep(0.4)")
    with closing(told.pool(2)) as pool:
        run(pool, [told.request("plain", seed) for seed in (1, 2)])
        for seed in (3, 4, 5):
            pool.submit(told.request("plain", seed))
        assert sum(len(each.assigned.under_way) for each in pool._processes) == 3
        assert [seed for seed, _ in answers(pool)] == [4, 5, 3]
    assert Counter(each["seed"] for each in told.seen("begin"))[5] == 1


def test_what_waits_in_a_worker_is_taken_back_when_the_run_is_to_stop(told: Told) -> None:
    told.does(2, "time.sleep(0.5)")
    with closing(told.pool()) as pool:
        run(pool, [told.request("plain", 1)])
        for seed in (2, 3, 4):
            pool.submit(told.request("plain", seed))
        dropped = pool.drop_queued()
        assert [each.message["seed"] for each in dropped] == [3, 4]
        assert [seed for seed, _ in answers(pool)] == [2]
    assert [each["seed"] for each in told.seen("begin")] == [1, 2]


def test_a_gpu_has_one_worker_and_is_all_it_sees(told: Told) -> None:
    with closing(told.pool(1, find_gpus=lambda: GPUS)) as pool:
        requests = [
            *(told.request("kept", seed, device="cuda:1") for seed in (1, 2, 3)),
            *(told.request("kept", seed, device="cuda:0") for seed in (4, 5)),
            *(told.request("kept", seed) for seed in (6, 7)),
        ]
        found = run(pool, requests)
    assert {answer["type"] for answer in found.values()} == {"done"}
    shown = {each["seed"]: (each["shown"], each["device"]) for each in told.seen("done")}
    assert {shown[seed] for seed in (1, 2, 3)} == {("GPU-b", "cuda:0")}
    assert {shown[seed] for seed in (4, 5)} == {("GPU-a", "cuda:0")}
    assert {shown[seed] for seed in (6, 7)} == {("", "cpu")}
    assert len({(each["pid"], each["shown"]) for each in told.seen("done")}) == 3


def test_what_any_gpu_can_do_is_done_on_all_of_them(told: Told) -> None:
    for seed in range(1, 5):
        told.does(seed, "time.sleep(0.3)")
    with closing(told.pool(1, find_gpus=lambda: GPUS)) as pool:
        run(pool, [told.request("kept", seed, device="cuda") for seed in range(1, 5)])
    assert {each["shown"] for each in told.seen("done")} == {"GPU-a", "GPU-b"}


def test_a_gpu_that_is_not_there_is_missing(told: Told) -> None:
    with closing(told.pool(1, find_gpus=lambda: GPUS)) as pool, pytest.raises(MissingError, match="cuda:7"):
        pool.submit(told.request("kept", 1, device="cuda:7"))


def test_a_gpu_that_another_run_has_is_waited_for_and_that_is_said_once(told: Told) -> None:
    said: list[str] = []
    other = Lease(GPUS[0])
    assert other.take()
    with closing(told.pool(1, find_gpus=lambda: GPUS[:1], on_wait=said.append)) as pool:
        pool.submit(told.request("kept", 1, device="cuda"))
        pool.submit(told.request("kept", 2))
        assert [request.message["seed"] for request, _ in pool.wait(10)] == [2]
        assert pool.wait(0.2) == []
        other.give_back()
        assert [seed for seed, _ in answers(pool)] == [1]
        assert not other.take()
    assert said == ["waiting for the GPU cuda:0: another run on this machine has it"]
    assert other.take()


def test_a_holder_that_is_killed_holds_its_gpu_no_more(leases: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from librarian.workers import gpus\n"
        f"gpus._LEASES = Path({str(leases)!r})\n"
        "print(gpus.Lease(gpus.Gpu('cuda:0', 'GPU-a')).take(), flush=True); time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not Lease(GPUS[0]).take()
        holder.kill()
    assert Lease(GPUS[0]).take()


@pytest.mark.parametrize("lay", [lambda path: path.symlink_to("/etc/hostname"), os.mkfifo], ids=["link", "pipe"])
def test_a_lease_that_is_no_file_is_refused(leases: Path, lay: Callable[[Path], None]) -> None:
    lay(leases / "librarian-gpu-GPU-a.lock")
    with pytest.raises(EnvironmentFailedError, match="remove it"):
        Lease(GPUS[0]).take()


def test_everybody_may_take_a_lease(leases: Path) -> None:
    before = os.umask(0o077)
    try:
        assert Lease(GPUS[0]).take()
    finally:
        os.umask(before)
    (path,) = leases.iterdir()
    assert path.stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (None, ["GPU-aa", "GPU-ab", "GPU-c"]),
        ("", []),
        ("-1", []),
        ("2,0", ["GPU-c", "GPU-aa"]),
        ("GPU-c", ["GPU-c"]),
        ("GPU-ab, 0", ["GPU-ab", "GPU-aa"]),
        ("GPU-a", []),  # two begin so
        ("1,7,0", ["GPU-ab"]),
        ("MIG-1/2", ["MIG-1/2"]),
        ("1,1", ["GPU-ab"]),
    ],
)
def test_only_visible_gpus_are_used(shown: str | None, found: list[str]) -> None:
    environment = {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown}
    seen = gpus.visible(["GPU-aa", "GPU-ab", "GPU-c"], environment)
    assert [each.uuid for each in seen] == found
    assert [each.device for each in seen] == [f"cuda:{number}" for number in range(len(found))]


def test_gpus_are_found_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for bus, uuid in (("0000:41:00.0", "GPU-two"), ("0000:01:00.0", "GPU-one")):
        (tmp_path / "driver" / bus).mkdir(parents=True)
        (tmp_path / "driver" / bus / "information").write_text(
            f"Model: \t\t X\nIRQ:   \t 5\nGPU UUID: \t {uuid}\nBus Type: PCIe\n"
        )
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "driver")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus.gpus.cache_clear()
    try:
        assert [each.uuid for each in gpus.gpus()] == ["GPU-one", "GPU-two"]
    finally:
        gpus.gpus.cache_clear()


def test_the_tool_is_asked_where_the_driver_has_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho GPU-three\n")
    tool.chmod(0o755)
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpus._by_driver() == []
    assert gpus._by_tool() == ["GPU-three"]

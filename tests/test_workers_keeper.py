"""Whatever a worker starts ends with it, and a worker ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from librarian.workers.asking import ask
from librarian.workers.children import children, ended_after
from librarian.workers.environment import remove_left_scratch
from librarian.workers.fence import HOOK
from librarian.workers.messages import Message
from librarian.workers.pool import Pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a keeper adopts orphans on Linux only")

GONE_AFTER = 5.0
"""What ends with its parent may take so long (s)."""
DOUBLE_FORK = """
def leave(folder):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            pathlib.Path(folder, "left").write_text(str(os.getpid()))
            time.sleep(1000)
        os._exit(0)
    os.wait()
    while not (text := pathlib.Path(folder, "left").exists() and pathlib.Path(folder, "left").read_text()):
        time.sleep(0.01)
"""
HEAD = "import ctypes, os, pathlib, signal, subprocess, sys, time\n" + DOUBLE_FORK
CACHE = "librarian/extensions"
"""What a worker may write to, below the user's cache folder."""
RunCode = Callable[[str], Message]


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def wait_for_end(processes: list[int]) -> None:
    until = time.monotonic() + GONE_AFTER
    while any(map(alive, processes)) and time.monotonic() < until:
        time.sleep(0.02)
    try:
        assert not [each for each in processes if alive(each)]
    finally:
        for each in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def number_in(path: Path) -> int:
    until = time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until, f"{path.name} was not written"
        time.sleep(0.01)
    return int(path.read_text())


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pool = Pool(1, lambda line: None)
    yield pool
    pool.close()


@pytest.fixture
def run_code(pool: Pool, tmp_path: Path) -> RunCode:
    """Have the pool's worker import a module of this code."""
    number = 0

    def run(code: str) -> Message:
        nonlocal number
        number += 1
        (tmp_path / f"code{number}.py").write_text(
            HEAD + f"folder = {str(tmp_path / CACHE)!r}\n" + textwrap.dedent(code)
        )
        request = {"type": "declare", "package": f"x{number}", "version": "1", "entry_point": "x"}
        return ask(pool, {**request, "value": f"code{number}"}, 30)

    return run


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("ctypes.string_at(0)", {"signal": 11, "message": "its worker was ended by SIGSEGV"}),
        ("os.abort()", {"signal": 6, "message": "its worker was ended by SIGABRT"}),
        ("os._exit(0)", {"exit_code": 0, "message": "its worker ended by itself with exit code 0"}),
        ("os._exit(3)", {"exit_code": 3, "message": "its worker ended by itself with exit code 3"}),
        ("os.kill(os.getpid(), signal.SIGKILL)", {"signal": 9, "message": "its worker was ended by SIGKILL"}),
        ("os.killpg(0, signal.SIGTERM)", {"signal": 15, "message": "its worker was ended by SIGTERM"}),
    ],
)
def test_the_parent_learns_how_the_worker_ended(run_code: RunCode, code: str, cause: Message) -> None:
    assert run_code(code)["cause"] == {"reason": "crash", **cause}


@pytest.mark.parametrize("end", ["os._exit(0)", "ctypes.string_at(0)", "signal.pause()"])
def test_what_a_worker_left_ends_with_it_in_whatever_session_it_is(
    run_code: RunCode, pool: Pool, tmp_path: Path, end: str
) -> None:
    if end == "signal.pause()":
        run_code("leave(folder)")
        pool.close()
    else:
        run_code(f"leave(folder)\n{end}")
    wait_for_end([number_in(tmp_path / CACHE / "left")])


@pytest.mark.parametrize("hang", ["ctypes.PyDLL(None).sleep(1000)", "time.sleep(1000)"])
def test_all_of_it_ends_with_the_process_that_started_it(tmp_path: Path, hang: str) -> None:
    # PyDLL keeps the interpreter's lock, so that no thread of the worker sees the end of its socket.
    worker = f"pathlib.Path(folder, 'worker').write_text(str(os.getpid()))\nleave(folder)\n{hang}\n"
    (tmp_path / "hangs.py").write_text(HEAD + f"folder = {str(tmp_path / CACHE)!r}\n" + worker)
    parent = """
        from librarian.workers.asking import ask
        from librarian.workers.pool import Pool
        ask(Pool(1, print), dict(type="declare", package="x", version="1", entry_point="x", value="hangs"), 1000)
    """
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path),
        "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, "-c", textwrap.dedent(parent)]
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        left, worker_id = number_in(tmp_path / CACHE / "left"), number_in(tmp_path / CACHE / "worker")
        (keeper,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        os.killpg(process.pid, signal.SIGKILL)
    wait_for_end([keeper, worker_id, left])


def test_a_keeper_that_is_told_to_end_ends_what_it_keeps(run_code: RunCode, pool: Pool, tmp_path: Path) -> None:
    run_code("leave(folder)")
    keeper = pool._processes[0].process
    keeper.terminate()
    assert keeper.wait(timeout=GONE_AFTER) == -signal.SIGTERM
    wait_for_end([number_in(tmp_path / CACHE / "left")])


def test_a_worker_that_kills_its_group_does_not_kill_its_keeper(
    run_code: RunCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("librarian.workers.pool.offered", lambda: (HOOK,))  # a kernel that holds no signal back
    assert run_code("leave(folder)\nos.killpg(0, signal.SIGKILL)")["cause"]["signal"] == signal.SIGKILL
    wait_for_end([number_in(tmp_path / CACHE / "left")])


def test_a_worker_outlives_the_thread_that_started_it(run_code: RunCode, pool: Pool) -> None:
    # The kernel's signal at the end of a parent comes at the end of its thread already.
    threads = len(os.listdir("/proc/self/task"))
    thread = threading.Thread(target=run_code, args=["pass"])
    thread.start()
    thread.join()
    while len(os.listdir("/proc/self/task")) > threads:
        time.sleep(0.01)
    assert run_code("time.sleep(0.5)")["type"] == "done"
    assert pool._started == 1


def test_what_was_started_meanwhile_is_ended_and_what_was_there_stays() -> None:
    with subprocess.Popen(["sleep", "1000"]) as before:
        with ended_after():
            with subprocess.Popen(["sleep", "1000"]) as meanwhile:
                assert {before.pid, meanwhile.pid} <= children()
                meanwhile.returncode = 0  # nobody waits for it
        assert not alive(meanwhile.pid)
        assert before.poll() is None
        before.kill()


def test_the_scratch_folder_of_a_killed_keeper_goes_with_a_later_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = f"librarian-{dead.pid}-0123abcd", f"librarian-{dead.pid}-4567cdef", f"librarian-{os.getpid()}-0123abcd"
    gone, young, alive, other = (tmp_path / name for name in (*names, "librarian-1"))
    for folder in (gone, young, alive, other):
        folder.mkdir()
        (folder / "file").touch()
    for folder in (gone, alive, other):
        os.utime(folder, (0, 0))
    remove_left_scratch()
    assert [folder.exists() for folder in (gone, young, alive, other)] == [False, True, True, True]

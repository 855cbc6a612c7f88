"""How workers end, how much they may write, and how much of what they print is kept."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from pools import Told, run

from librarian.workers import output
from librarian.workers.failures import BadOutputError
from librarian.workers.output import check_size
from librarian.workers.printed import LEFT_OFF, MAX_LINE, MOST_PRINTED, Printed

START = """
import subprocess
folder = pathlib.Path(task.settings.log).parent
child = subprocess.Popen(["sh", "-c", {trap!r} + "; echo x > begun; while :; do sleep 0.05; done"], cwd=folder)
(folder / "pid").write_text(str(child.pid))
while not (folder / "begun").exists(): time.sleep(0.01)
time.sleep(1000)
"""


@pytest.fixture
def told(tmp_path: Path) -> Told:
    operations = "[('plain', 'plain', {}), ('small', 'plain', {'resources': librarian.Resources(output='1 MiB')})]"
    return Told(tmp_path, operations)


def is_gone(pid: int) -> bool:
    """Whether a process ends soon: one that was killed takes a moment."""
    until = time.monotonic() + 5
    while not _has_ended(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return _has_ended(pid)


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_a_task_started_is_asked_to_end_before_it_is_killed(told: Told) -> None:
    told.does(1, START.format(trap="trap 'echo ended > asked; exit' TERM"))
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("plain", 1, timeout=3.0)]).values()
    assert answer["cause"]["reason"] == "timeout"
    assert (told.folder / "asked").exists()


def test_what_does_not_end_when_asked_is_killed(told: Told) -> None:
    told.does(1, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + START.format(trap="trap '' TERM"))
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("plain", 1, timeout=3.0)]).values()
        assert answer["cause"]["reason"] == "timeout"
        assert is_gone(int((told.folder / "pid").read_text()))


def test_a_pool_that_is_closed_asks_what_is_busy_to_end(told: Told) -> None:
    told.does(1, START.format(trap="trap 'echo ended > asked; exit' TERM"))
    pool = told.pool()
    pool.submit(told.request("plain", 1))
    while not (told.folder / "begun").exists():
        pool.wait(0.05)
    pool.close()
    assert (told.folder / "asked").exists()
    assert is_gone(int((told.folder / "pid").read_text()))


def test_workers_with_nothing_to_do_end_by_themselves(told: Told) -> None:
    pool = told.pool()
    run(pool, [told.request("plain", 1)])
    process = pool._processes[0].process
    pool.close()
    assert process.returncode == 0


def test_a_task_that_writes_too_much_is_ended_while_it_does(told: Told) -> None:
    told.does(2, "(task.folder / 'much').write_bytes(bytes(2 << 20)); time.sleep(1000)")
    with closing(told.pool()) as pool:
        found = run(pool, [told.request("small", seed) for seed in (1, 2, 3)])
    assert found[2]["cause"] == {"reason": "bad_output", "message": "it wrote more than its limit of 1 MiB"}
    assert found[1]["type"] == found[3]["type"] == "done"
    assert len([each for each in told.seen("begin") if each["seed"] == 3]) == 1


def test_a_task_that_wrote_too_much_fails(told: Told) -> None:
    told.does(1, "(task.folder / 'much').write_bytes(bytes(2 << 20))")
    with closing(told.pool()) as pool:
        (answer,) = run(pool, [told.request("small", 1)]).values()
    assert answer["cause"] == {"reason": "bad_output", "message": "it wrote more than its limit of 1 MiB"}


def test_files_are_counted_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MOST_FILES", 10)
    (tmp_path / "a" / "b").mkdir(parents=True)
    for number in range(8):
        (tmp_path / "a" / "b" / str(number)).touch()
    check_size(tmp_path, 1 << 20)
    (tmp_path / "a" / "more").touch()
    with pytest.raises(BadOutputError, match="limit of 10 files"):
        check_size(tmp_path, 1 << 20)


def test_a_link_out_of_the_folder_counts_as_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (tmp_path / "much").write_bytes(bytes(1 << 20))
    os.symlink(tmp_path / "much", folder / "file")
    os.symlink(tmp_path, folder / "loop")
    check_size(folder, 1 << 15)


def test_so_much_of_what_is_printed_is_kept_and_then_it_is_said_that_more_was(told: Told) -> None:
    told.does(1, f"for _ in range(3): os.write(1, b'x' * 4000 + b'\\n')\nos.write(2, b'y' * {2 * MOST_PRINTED})")
    lines: list[str] = []
    with closing(told.pool(log=lines.append)) as pool:
        run(pool, [told.request("plain", 1), told.request("plain", 2)])
        until = time.monotonic() + 20
        while LEFT_OFF not in lines and time.monotonic() < until:
            pool.submit(told.request("plain", 3))
            pool.wait(1)
    assert lines[:3] == ["x" * 4000] * 3
    assert lines.count(LEFT_OFF) == 1
    assert lines[-1] == LEFT_OFF
    assert MOST_PRINTED <= sum(map(len, lines)) <= MOST_PRINTED + 2 * MAX_LINE


def test_short_lines_count_for_what_they_cost() -> None:
    lines: list[str] = []
    printed = Printed(lines.append, 64 * 10)
    assert printed.take(b"be", b"gun\nmo") == b"mo"
    printed.take(b"mo", b"re\n" * 100)
    assert lines == ["begun", "more", *["re"] * 8, LEFT_OFF]

"""The faults of the torture tests: they meet the call that they name, and do what their name says."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
from faults import KINDS, Ended, Fault, points, watch, why_not

PROGRAM = """
import os, subprocess, sys
try:
    for number in range(4):
        handle = os.open(f"{number}", os.O_WRONLY | os.O_CREAT)
        print(os.write(handle, b"ten bytes!"))
        os.fsync(handle)
        os.close(handle)
except OSError as error:
    sys.exit(error.errno)
"""
CALLS_A_FILE = 3
WITH_A_CHILD = """
import subprocess, sys
child = subprocess.run([sys.executable, "-c", "open('child', 'w').write('a word')"])
open("parent", "w").write(str(child.returncode))
"""
LEAVES_ONE_BEHIND = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
"""


@pytest.fixture(autouse=True)
def can_be_injected() -> None:
    if reason := why_not():
        pytest.skip(reason)


def played(folder: Path, fault: Fault | None = None, program: str = PROGRAM) -> Ended:
    return watch([sys.executable, "-c", program], folder, fault, cwd=folder)


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_every_call_that_changes_a_file_in_the_folder_is_counted_and_no_other(tmp_path: Path) -> None:
    ended = played(tmp_path)
    assert ended.code == 0
    assert [call.notice.name.removesuffix("at") for call in ended.calls] == ["open", "write", "fsync"] * 4
    assert [Path(call.path).name for call in ended.calls] == [str(number // 3) for number in range(12)]
    assert not played(tmp_path, program="open('/dev/null', 'w').write('a word'); open('0').read()").calls


@pytest.mark.parametrize(
    ("kind", "at", "code", "left"),
    [
        ("kill all", 4, -9, [b"ten bytes!"]),
        ("kill the parent", 5, -9, [b"ten bytes!", b""]),
        ("tear and kill all", 2, -9, [b"ten bytes!", b"ten b"]),
        ("short write", 2, 0, [b"ten bytes!", b"ten b", b"ten bytes!", b"ten bytes!"]),
        ("full once", 4, errno.ENOSPC, [b"ten bytes!"]),
        ("full within a write", 2, errno.ENOSPC, [b"ten bytes!", b"ten b"]),
        ("broken once", 2, errno.EIO, [b""]),
        ("sync fails", 2, errno.EIO, [b"ten bytes!", b"ten bytes!"]),
    ],
)
def test_a_fault_strikes_where_it_says(tmp_path: Path, kind: str, at: int, code: int, left: list[bytes]) -> None:
    ended = played(tmp_path, Fault(kind, at))
    assert (ended.code, contents(tmp_path)) == (code, left)
    assert ended.struck == ended.calls[-1] or kind in ("short write", "full within a write")


@pytest.mark.parametrize(("kind", "then"), [("full once", 0), ("full from there on", errno.ENOSPC)])
def test_a_fault_passes_or_lasts(tmp_path: Path, kind: str, then: int) -> None:
    twice = PROGRAM.replace("try:", "try: os.mkdir('first')\nexcept OSError: pass\ntry:")
    assert played(tmp_path, Fault(kind, 1), twice).code == then


def test_a_child_is_killed_and_its_parent_goes_on(tmp_path: Path) -> None:
    ended = played(tmp_path, Fault("kill a worker", 2), WITH_A_CHILD)
    assert (ended.code, contents(tmp_path)) == (0, [b"", b"-9"])


def test_what_outlives_a_command_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faults.ORPHANS_GONE_AFTER", 0.2)
    assert played(tmp_path, program=LEAVES_ONE_BEHIND).outlived
    assert not played(tmp_path).outlived


def test_points_are_spread_over_all_sorts_of_calls(tmp_path: Path) -> None:
    ended = played(tmp_path)
    every = [Fault("broken once", at) for at in range(1, len(ended.calls) + 1)]
    assert points(ended, "broken once", 0, "a seed") == every
    some = points(ended, "broken once", CALLS_A_FILE, "a seed")
    assert {ended.calls[each.at - 1].notice.name for each in some} == {call.notice.name for call in ended.calls}
    assert len(points(ended, "sync fails", 100, "a seed")) == 4
    assert set(KINDS["sync fails"].calls) >= {"fsync", "syncfs"}

"""A run that is told to stop says so at once, and what it waits for."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
import os, time
from librarian import Audio, Operation, Settings, Text, hookimpl

def wait(task):
    (task.folder / "begun").touch()
    while not os.path.exists({go!r}):
        time.sleep(0.01)
    (task.folder / "begun").rename(task.folder / "copy.txt")
    return {{"copy": task.folder / "copy.txt"}}

@hookimpl
def librarian_operations():
    return [Operation(name="wait", version="1", run=f"{{__name__}}:wait", settings=Settings, inputs={{"audio": Audio}},
                      outputs={{"copy": Text}}, description="Wait.")]
"""
JOB = """\
librarian: 1
name: waiting
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: waited, use: wait}
"""


@pytest.fixture
def waiting(calls: Archive, make_extension: MakeExtension, tmp_path: Path) -> Archive:
    """An archive with a job whose tasks end once there is a file `go`."""
    make_extension("waiting", CODE.format(go=str(tmp_path / "go")))
    calls.job(JOB)
    return calls


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_says_at_once_what_it_waits_for(
    waiting: Archive, tmp_path: Path, number: int, code: int
) -> None:
    process = waiting.start("run", "job.yaml", "--workers", "1", "--events", "events.jsonl")
    while not list((waiting.root / "library").glob(".staging/*/*/*/begun")) and process.poll() is None:
        pass
    process.send_signal(number)
    assert process.stderr is not None
    said = next((line for line in process.stderr if line.startswith("stopping")), "")
    assert said == "stopping: waiting for 1 task under way, 10.0 s at the most; a second time stops at once\n"
    assert process.poll() is None
    (tmp_path / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == code
    events = [json.loads(line) for line in (waiting.root / "events.jsonl").read_text().splitlines()]
    assert [each["event"] for each in events][-3:] == ["run_ending", "task_ended", "run_ended"]
    assert next(each for each in events if each["event"] == "run_ending") == {
        "event": "run_ending",
        "why": "signal",
        "tasks": 1,
        "seconds": 10.0,
    }

"""A run that is told to stop says so at once, and what it waits for."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
import os, time
from librarian import Audio, Operation, Settings, Text, hookimpl

def wait(task):
    (task.folder / "begun").touch()
    while not os.path.exists({go!r}) and not os.path.exists({go!r} + task.inputs["audio"].path.name):
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
    """An archive with a job whose tasks end once there is a file `go`; one, where that ends in its recording's name."""
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


def test_what_has_ended_is_recorded_before_it_is_waited_for_the_rest(waiting: Archive, tmp_path: Path) -> None:
    first = sorted((waiting.root / "calls").iterdir())[0].name
    process = waiting.start("run", "job.yaml", "--workers", "1")
    while not list((waiting.root / "library").glob(".staging/*/*/*/begun")) and process.poll() is None:
        pass
    (tmp_path / f"go{first}").touch()
    while not list((waiting.root / "library").glob(".staging/*/*/*/rec_*.txt")) and process.poll() is None:
        pass
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert next((line for line in process.stderr if line.startswith("stopping")), "")
    until = time.monotonic() + 5.0
    while time.monotonic() < until and not _ended(waiting):
        time.sleep(0.01)
    assert _ended(waiting) == ["done"]
    assert process.poll() is None
    (tmp_path / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 130


def _ended(archive: Archive) -> list[str]:
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    bodies = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    return [each["outcome"] for each in bodies if each["type"] == "outcome"]

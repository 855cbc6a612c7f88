"""A run watched, and ended, from another terminal."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest
from harness import Archive

SLOW = """
from librarian import Audio, Measurements, Operation, Settings, hookimpl

class SlowSettings(Settings):
    pass

@hookimpl
def librarian_operations():
    return [Operation(name="slow", version="1", run="librarian_slow_work:run", settings=SlowSettings,
                      description="Slow.", inputs={"audio": Audio}, outputs={"report": Measurements})]
"""
WORK = """
import time
from librarian import Measurements

def run(task):
    while True:
        task.progress(0.5)
        time.sleep(0.05)
"""
ENDS = 'return {"report": Measurements(measurements=[])}'
PATIENCE = 30.0


@pytest.fixture
def slow(calls: Archive, make_extension) -> Archive:  # type: ignore[no-untyped-def]
    make_extension("slow", SLOW).with_name("librarian_slow_work.py").write_text(WORK)
    calls.job(
        """\
        librarian: 1
        name: calls
        recordings: [{id: calls, path: calls/*.wav}]
        steps: [{id: slow, use: slow}]
        """
    )
    return calls


def status(archive: Archive) -> dict[str, object]:
    return json.loads(archive.librarian("status", "--json").stdout)  # type: ignore[no-any-return]


def wait_until_it_works(archive: Archive) -> None:
    until = time.monotonic() + PATIENCE
    while not (archive.root / ".librarian" / "project.toml").exists() or not status(archive)["running"]:
        assert time.monotonic() < until


def test_status_says_where_a_run_stands_and_stop_ends_it(slow: Archive) -> None:
    process = slow.start("run", "job.yaml")
    wait_until_it_works(slow)
    found = status(slow)
    assert (found["state"], found["name"]) == ("running", "calls")
    assert re.search(r"slow  [12] running \(50%.*\), [12] waiting", slow.librarian("status").stdout)
    assert "stopped job_" in slow.librarian("stop").stdout
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert status(slow)["state"] == "interrupted"
    assert '"state":"interrupted"' in next((slow.root / "manifests").glob("*.jsonl")).read_text()


def test_what_runs_may_end_when_a_run_is_stopped_and_nothing_more_is_begun(slow: Archive) -> None:
    work = slow.environment["PYTHONPATH"] + "/librarian_slow_work.py"
    Path(work).write_text(f"{WORK.replace('while True', 'for _ in range(40)')}    {ENDS}\n")
    process = slow.start("run", "job.yaml", "--workers", "1")
    wait_until_it_works(slow)
    slow.librarian("stop")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    (manifest,) = (slow.root / "manifests").glob("*.jsonl")
    bodies = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    assert [body.get("outcome") for body in bodies if body["type"] == "outcome"] == ["done"]
    assert bodies[-1]["state"] == "interrupted"


def test_stop_now_ends_it_at_once(slow: Archive) -> None:
    process = slow.start("run", "job.yaml")
    wait_until_it_works(slow)
    slow.librarian("stop", "--now")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_run_that_was_killed_is_said_to_be(slow: Archive) -> None:
    process = slow.start("run", "job.yaml")
    wait_until_it_works(slow)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    said = slow.librarian("status").stdout
    assert "killed" in said
    assert "next: type the same run again" in said
    assert "nothing is running" in slow.librarian("stop", code=1).stdout


def test_before_any_run_status_says_what_to_type(archive: Archive) -> None:
    archive.librarian("init")
    assert "next: librarian run job.yaml" in archive.librarian("status").stdout
    assert archive.librarian("stop", code=1).stdout == "nothing is running\n"


def test_a_run_that_is_over_leaves_its_counts(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    steps = status(calls)["steps"]
    assert {step: each["ended"] for step, each in steps.items()} == {"voice": {"done": 3}, "check": {"done": 3}}  # type: ignore[attr-defined]
    assert "complete" in calls.librarian("status", "--watch").stdout


def test_every_event_comes_as_a_line_of_json(calls: Archive) -> None:
    done = calls.librarian("run", "job.yaml", "--events", "-")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert (names[0], names[-1]) == ("run_started", "run_ended")
    assert names.count("task_started") == names.count("task_ended") == 6
    assert events[0]["expected"] == {"voice": 3, "check": 3}
    assert {event["audio_seconds"] > 10 for event in events if event["event"] == "task_ended"} == {True}
    calls.librarian("run", "job.yaml", "--events", "events.jsonl")
    lines = (calls.root / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["run_started", *["tasks_stand"] * 3, "run_ended"]

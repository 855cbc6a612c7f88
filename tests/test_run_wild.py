"""Whole runs with an extension that does anything: it costs its own task, and nothing of it stays behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import wild
from aftermath import left_behind, tells_a_number, watched
from harness import TOP, Archive

DECLARES = """
from librarian import Audio, Fact, Field, Operation, Resources, Settings, hookimpl

class WildSettings(Settings):
    way: int = Field(description="What to do.")

def wild(name, timeout):
    return Operation(name=name, version="1", run="librarian_wild_work:run", settings=WildSettings,
                     inputs={"audio": Audio}, outputs={"audio": Audio}, description="Wild.",
                     facts={"number": Fact("A number.")}, resources=Resources(timeout=timeout))

@hookimpl
def librarian_operations():
    return [wild("wild", None), wild("hang", 3.0)]
"""
LARGE = """
from librarian import Audio, Operation, Resources, Settings, Text, hookimpl

class MuchSettings(Settings):
    "None."

def much(task):
    (task.folder / "much.bin").write_bytes(bytes((1 << 20) + 1))
    return {"text": task.folder / "much.bin"}

@hookimpl
def librarian_operations():
    return [Operation(name="much", version="1", run="librarian_large:much", settings=MuchSettings,
                      inputs={"audio": Audio}, outputs={"text": Text}, description="Writes much.",
                      resources=Resources(output="1 MiB"))]
"""
SMALL_JOB = {"librarian": 1, "name": "large", "recordings": [{"id": "tapes", "path": "tapes/*.wav"}]}
FAILS = {
    "raises_with_a_number": ("error", "ValueError", "call <PHONE:"),
    "raises_a_group": ("error", "ExceptionGroup", "ring <PHONE:"),
    "raises_with_a_cause": ("error", "RuntimeError", "while ringing <PHONE:"),
    "raises_an_endless_message": ("error", "ValueError", "xxx"),
    "raises_lines_and_colours": ("error", "ValueError", "one"),
    "raises_what_has_no_name": ("error", None, "it went wrong"),
    "is_killed": ("crash", None, "SIGKILL"),
    "ends_the_group": ("crash", None, "SIGKILL"),
    "ignores_sigterm": ("timeout", None, "time limit"),
    "holds_the_interpreter": ("timeout", None, "time limit"),
    "stops_itself": ("timeout", None, "time limit"),
    "closes_everything": ("crash", None, "its worker"),
    "speaks_for_the_worker": ("crash", None, "its worker"),
    "gives_a_pipe": ("bad_output", None, "no file"),
    "gives_a_folder": ("bad_output", None, "no file"),
    "gives_a_device": ("bad_output", None, "no file"),
    "gives_an_odd_name": ("bad_output", None, "plain ending"),
    "gives_another_kind": ("bad_output", None, "an output cannot be kept"),
    "gives_a_large_fact": ("bad_output", None, "finite"),
    "gives_a_nan_of_numpy": ("bad_output", None, "finite"),
    "gives_a_fact_of_the_core": ("bad_output", None, "declare"),
    "removes_its_folder": ("bad_output", None, "is gone"),
    "replaces_its_folder": ("bad_output", None, "folder"),
    "litters": ("bad_output", None, "10000 files"),
    "digs": ("bad_output", None, "did not declare"),
    "saves_an_endless_state": ("error", "BrokenMessageError", "message"),
    "exhausts_files": ("error", "OSError", "open files"),
}
DONE = (
    "prints_200_mb", "prints_200_mb_without_a_line", "prints_a_number", "reports_without_end", "closes_its_folder",
    "leaves_a_child", "leaves_a_child_of_a_child", "leaves_200_children", "leaves_threads", "changes_the_process",
    "fine",
)  # fmt: skip
HELD_BACK = {
    "writes_outside": "error",
    "writes_into_the_library": "error",
    "edits_its_input": "error",
    "kills_its_parent": "error",
    "stops_its_parent": "error",
    "takes_all_memory": "out_of_memory",
    "leaves_a_child_of_its_own_session": "done",
}
HANG = [way for way, (reason, *_) in FAILS.items() if reason == "timeout"]


@pytest.fixture
def project(archive: Archive, make_extension) -> Iterator[Archive]:  # type: ignore[no-untyped-def]
    path = make_extension("wild", DECLARES)
    path.with_name("librarian_wild_work.py").write_text((TOP / "tests" / "wild.py").read_text())
    with watched(archive):
        yield archive


def job_of(ways: list[str]) -> str:
    steps: list[dict[str, Any]] = []
    for number, way in enumerate(ways):
        steps.append(
            {"id": f"s{number}", "use": "hang" if way in HANG else "wild", "with": {"way": list(wild.WAYS).index(way)}}
        )
        steps.append({"id": f"after{number}", "use": "measure", "from": f"s{number}.audio"})
    steps.append({"id": "bystander", "use": "normalize"})
    recordings = [{"id": "tapes", "path": "tapes/*.wav"}]
    return json.dumps({"librarian": 1, "name": "wild", "recordings": recordings, "steps": steps})


def run(archive: Archive, *ways: str, code: int) -> dict[str, dict[str, Any]]:
    """Run all ways at once, look at what must always hold; the outcome of each."""
    archive.job(job_of([*ways]))
    before = (archive.root / "tapes" / "a.wav").read_bytes()
    done = archive.librarian("run", "job.yaml", "--workers", "2", code=code)
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    lines = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    ended = {each["step"]: each for each in lines if each["type"] == "outcome"}
    assert ended["bystander"]["outcome"] == "done"
    assert lines[-1]["state"] == "complete"
    archive.librarian("verify", "--read-data")
    assert left_behind(archive) == []
    assert (archive.root / "tapes" / "a.wav").read_bytes() == before
    assert tells_a_number(archive, done.stdout + done.stderr) == []
    for number, way in enumerate(ways):
        good = ended[f"s{number}"]["outcome"] == "done"
        assert ended[f"after{number}"]["outcome"] == ("done" if good else "skipped"), way
    return {way: ended[f"s{number}"] for number, way in enumerate(ways)}


def test_each_way_to_fail_fails_its_task_with_its_cause(project: Archive) -> None:
    ended = run(project, *FAILS, code=1)
    for way, (reason, exception, words) in FAILS.items():
        assert ended[way]["outcome"] == "failed", way
        cause = ended[way]["cause"]
        assert (cause["reason"], cause["exception"]) == (reason, exception), (way, cause)
        assert words in cause["message"] and cause["message"].isprintable(), (way, cause)
        assert len(cause["message"]) <= 600


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_task_that_fills_the_disk_has_failed(archive: Archive, make_extension, workers: str) -> None:  # type: ignore[no-untyped-def]
    make_extension("large", LARGE)
    archive.job(json.dumps(SMALL_JOB | {"steps": [{"id": "much", "use": "much"}]}))
    with watched(archive):
        archive.librarian("run", "job.yaml", "--workers", workers, code=1)
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    lines = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    causes = [each["cause"] for each in lines if each["type"] == "outcome"]
    assert causes and all(each["reason"] == "bad_output" for each in causes)
    assert {each["message"] for each in causes} == {"it wrote more than its limit of 1 MiB"}
    assert not list((archive.root / "library").glob("*/*/*"))


def test_what_is_only_careless_is_done_and_nothing_of_it_stays(project: Archive) -> None:
    ended = run(project, *DONE, code=0)
    assert {way: each["outcome"] for way, each in ended.items()} == dict.fromkeys(DONE, "done")
    (log,) = (project.root / ".librarian" / "logs").iterdir()
    assert log.stat().st_size < 5 << 20


def test_what_a_task_changes_in_its_process_the_next_does_not_notice(project: Archive) -> None:
    ways = [way for _ in range(3) for way in ("changes_the_process", "fine")]
    project.job(job_of(ways))
    project.librarian("run", "job.yaml", "--workers", "1")


@pytest.mark.parametrize(("way", "end"), HELD_BACK.items())
def test_what_reaches_beyond_its_task_is_held_back(project: Archive, way: str, end: str) -> None:
    ended = run(project, way, "fine", code=end != "done")
    assert ended["fine"]["outcome"] == "done"
    assert (ended[way]["cause"] or {"reason": "done"})["reason"] == end


def test_a_worker_whose_librarian_was_patched_is_replaced(project: Archive) -> None:
    ended = run(project, "patches_librarian", "fine", code=1)
    assert ended["fine"]["outcome"] == "done"

"""A task that takes more than it may fails, and its worker goes on."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Archive

from librarian.operation import Resources
from librarian.workers import limits

GIB = 1 << 30
GREEDY = """
import os, subprocess
import librarian
from librarian import Audio, Fact, Field, Operation, Output, Resources, Settings, hookimpl

class GreedySettings(Settings):
    mode: str = Field(description="What to take.")

def run(task):
    mode = task.settings.mode
    if mode == "memory": bytearray(8 << 30)
    if mode == "much, declared": bytearray(4 << 30)
    if mode == "file": os.truncate(os.open(task.folder / "large", os.O_CREAT | os.O_RDWR), 65 << 30)
    if mode == "child": subprocess.Popen(["sleep", "1000"], start_new_session=True)
    pids = subprocess.run(["pgrep", "-P", str(os.getpid()), "sleep"], capture_output=True).stdout.split()
    return {"audio": Output(task.write_audio("audio", *task.read_audio("audio")),
                            {"pid": os.getpid(), "children": len(pids)})}

def greedy(name, memory):
    return Operation(name=name, version="1", run="librarian_greedy:run", settings=GreedySettings, description="Greedy.",
                     inputs={"audio": Audio}, outputs={"audio": Audio}, resources=Resources(memory=memory),
                     facts={"pid": Fact("its process"), "children": Fact("children of its process")})

@hookimpl
def librarian_operations():
    return [greedy("greedy", "1 GiB"), greedy("large", "6 GiB")]
"""


def test_a_task_beyond_its_memory_or_file_size_fails_with_the_cause_and_its_worker_goes_on(
    calls: Archive, make_extension
) -> None:  # type: ignore[no-untyped-def]
    make_extension("greedy", GREEDY)
    for path in sorted((calls.root / "calls").iterdir())[1:]:
        path.unlink()
    modes = {"first": "", "memory": "memory", "file": "file", "child": "child", "last": "none"}
    steps = [{"id": step, "use": "greedy", "with": {"mode": mode}} for step, mode in modes.items()]
    steps.append({"id": "large", "use": "large", "with": {"mode": "much, declared"}})
    recordings = [{"id": "calls", "path": "calls/*.wav"}]
    calls.job(json.dumps({"librarian": 1, "name": "greedy", "recordings": recordings, "steps": steps}))
    calls.librarian("run", "job.yaml", "--workers", "1", code=1)
    (manifest,) = (calls.root / "manifests").glob("*.jsonl")
    bodies = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    ended = {each["step"]: each for each in bodies if each["type"] == "outcome"}
    causes = {
        step: (each["cause"]["reason"], each["cause"]["message"]) for step, each in ended.items() if each["cause"]
    }
    assert causes == {
        "memory": ("out_of_memory", "memory does not suffice"),
        "file": ("bad_output", "it wrote more into a file than its limit"),
    }
    facts = {step: each["produced"][0]["facts"] for step, each in ended.items() if each["produced"]}
    assert facts.keys() == {"first", "child", "last", "large"}
    assert len({each["pid"] for each in facts.values()}) == 1
    assert (facts["child"]["children"], facts["last"]["children"]) == (1, 0)


def test_what_a_task_declares_raises_its_limit_and_a_gpu_has_none() -> None:
    assert limits.memory_of(Resources(), "cpu") == 4 * GIB
    assert limits.memory_of(Resources(memory="6 GiB"), "cpu") == 12 * GIB
    assert limits.memory_of(Resources(memory="6 GiB"), "cuda:0") is None


def test_limits_hold_inside_and_are_lifted_again(tmp_path: Path) -> None:
    before = [resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)]
    with limits.around(memory=None, file=1000), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        (tmp_path / "large").write_bytes(bytes(2000))
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with limits.around(memory=1 << 60, file=None):
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] < machine
    assert [resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)] == before


def test_a_worker_leaves_no_core_file_and_may_open_many_files() -> None:
    script = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, 5000))\n"
        "from librarian.workers import limits; limits.settle()\n"
        "print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0) (4096, 5000)"

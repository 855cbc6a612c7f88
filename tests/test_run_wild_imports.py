"""Extensions that do anything while they are imported: jobs that do not name them run as if they were not there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aftermath import left_behind, tells_a_number, watched
from harness import INSTALLED, Archive

DECLARES = """
from librarian import Audio, Field, Operation, Settings, hookimpl

class NoSettings(Settings):
    pass

@hookimpl
def librarian_operations():
    return [Operation(name="{name}", version="1", run="nothing:here", settings=NoSettings, description="Nothing.",
                      inputs={{"audio": Audio}}, outputs={{"audio": Audio}})]
"""
CARELESS = {
    "chdir": "import os; os.chdir('/'); os.umask(0o777); os.environ.clear()",
    "recursion": "import sys; sys.setrecursionlimit(120)",
    "streams": "import sys; sys.stdout = sys.stderr = sys.stdin = None",
    "threads": "import threading, time; [threading.Thread(target=time.sleep, args=(600,)).start() for _ in range(50)]",
    "forks": "import os, time\nif os.fork() == 0:\n    time.sleep(600)\n    os._exit(0)",
    "children": "import subprocess; [subprocess.Popen(['sleep', '600']) for _ in range(20)]",
    "prints": "import os; print('call +44 7700 900123'); [os.write(1, b'x' * 1_000_000) for _ in range(50)]",
    "numbers": "import warnings; warnings.warn('call +44 7700 900123', stacklevel=1)",
    "warns": "import warnings; warnings.simplefilter('error')",
    "alarms": "import signal; signal.signal(signal.SIGALRM, lambda *_: 1 / 0)",
}
BROKEN = {
    "stops": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "its worker was ended by SIGTERM"),
    "aborts": ("import os; os.abort()", "its worker was ended by SIGABRT"),
    "recurses": ("def again(): again()\nagain()", "RecursionError: maximum recursion depth exceeded"),
    "interrupts": ("raise KeyboardInterrupt('call +44 7700 900123')", "its worker was ended by SIGINT"),
    "groups": ("raise BaseExceptionGroup('call +44 7700 900123', [SystemExit(0)])", "BaseExceptionGroup: call <PHONE:"),
}
HANGS = {
    "sleeps": ("import time; time.sleep(600)", "it took longer than its time limit"),
    "holds": ("import ctypes; ctypes.PyDLL(None).sleep(600)", "it took longer than its time limit"),
}
WAYS = CARELESS | {name: code for name, (code, _) in BROKEN.items()}


@pytest.fixture
def crowded(archive: Archive, make_extension) -> Iterator[Archive]:  # type: ignore[no-untyped-def]
    for name, code in WAYS.items():
        make_extension(name, f"{DECLARES.format(name=name)}\n{code}\n")
    recordings = [{"id": "tapes", "path": "tapes/*.wav"}]
    steps = [{"id": "voice", "use": "normalize"}, {"id": "check", "use": "measure", "from": "voice.audio"}]
    archive.job(json.dumps({"librarian": 1, "name": "wild", "recordings": recordings, "steps": steps}))
    with watched(archive):
        yield archive


def test_a_job_that_does_not_name_them_runs(crowded: Archive) -> None:
    done = crowded.librarian("run", "job.yaml", "--workers", "2")
    crowded.librarian("verify", "--read-data")
    assert left_behind(crowded) == []
    assert tells_a_number(crowded, done.stdout + done.stderr) == []


def test_each_is_listed_and_none_spoils_another(crowded: Archive) -> None:
    listed = crowded.librarian("extensions", "--json", code=3)
    problems = {each["package"]: each["problem"] for each in json.loads(listed.stdout)}
    assert [name for name in (*INSTALLED, *CARELESS) if problems.pop(f"librarian-{name}")] == []
    for name, (_, reason) in BROKEN.items():
        assert problems.pop(f"librarian-{name}").startswith(reason)
    assert problems == {}
    assert "Traceback" not in listed.stderr
    assert left_behind(crowded) == []
    assert tells_a_number(crowded, listed.stdout + listed.stderr) == []


@pytest.mark.torture
def test_one_that_hangs_is_named_and_costs_half_a_minute(archive: Archive, make_extension) -> None:  # type: ignore[no-untyped-def]
    for name, (code, _) in HANGS.items():
        make_extension(name, code)
    listed = archive.librarian("extensions", "--json", code=3)
    problems = {each["package"]: each["problem"] for each in json.loads(listed.stdout)}
    assert {problems.pop(f"librarian-{name}") for name in INSTALLED} == {""}
    assert problems == {f"librarian-{name}": reason for name, (_, reason) in HANGS.items()}

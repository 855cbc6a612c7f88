"""While an extension is written: `--dev` does anew what other code made, and plan says where code changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
from librarian import Audio, Operation, Settings, hookimpl

def shout(task):
    sound, rate = task.read_audio("audio")
    return {"audio": task.write_audio("audio", sound * GAIN, rate)}

@hookimpl
def librarian_operations():
    ports = {"inputs": {"audio": Audio}, "outputs": {"audio": Audio}}
    common = {"version": VERSION, "description": "Louder.", "settings": Settings, **ports}
    return [Operation(name="shout", run="librarian_shout:shout", **common)]
"""
Write = Callable[[float, str], Any]


@pytest.fixture
def write(calls: Archive, make_extension: MakeExtension) -> Write:
    calls.job(
        """\
        librarian: 1
        name: calls
        recordings: [{id: calls, path: calls/*.wav}]
        steps:
          - {id: loud, use: shout}
          - {id: level, use: normalize, from: loud}
        """
    )

    def code(gain: float, version: str) -> str:
        return CODE.replace("GAIN", str(gain)).replace("VERSION", repr(version))

    return lambda gain, version="1": make_extension("shout", code(gain, version))


def loud(archive: Archive, *options: str) -> dict[str, Any]:
    steps = json.loads(archive.librarian("plan", "job.yaml", "--json", *options).stdout)["steps"]
    found: dict[str, Any] = next(each for each in steps if each["step"] == "loud")
    return {name: found[name] for name in ("done", "new", "redo", "reasons", "other_code")}


def dev(archive: Archive, command: str, code: int = 0) -> str:
    return archive.librarian(command, "job.yaml", "--dev", "librarian-shout", code=code).stderr


def test_results_of_other_code_stand_and_plan_says_so(calls: Archive, write: Write) -> None:
    write(0.5, "1")
    calls.librarian("run", "job.yaml")
    assert "made by other code" not in calls.librarian("plan", "job.yaml").stdout
    write(0.25, "1")
    assert loud(calls) == {"done": 3, "new": 0, "redo": 0, "reasons": {}, "other_code": 3}
    assert re.search(
        r"loud: 3  left, made by other code: it changed under the same version of shout \(1\); its author raises that, "
        "or types --dev librarian-shout for now",
        calls.librarian("plan", "job.yaml").stdout,
    )
    write(0.25, "2")
    assert loud(calls)["other_code"] == 0, "a version that was raised is what --upgrade is for"


def test_with_dev_they_are_made_anew_with_all_that_hangs_on_them(calls: Archive, write: Write) -> None:
    write(0.5, "1")
    calls.librarian("run", "job.yaml", "--dev", "librarian-shout")
    calls.librarian("run", "job.yaml", "--dev", "librarian-shout")
    first = calls.files()
    write(0.25, "1")
    assert loud(calls, "--dev", "librarian-shout") == {
        **{"done": 0, "new": 0, "redo": 3, "reasons": {"code changed": 3}, "other_code": 0}
    }
    assert "--dev librarian-shout --redo-ok" in dev(calls, "run", code=1).splitlines()[-1]
    assert dev(calls, "plan").splitlines()[-1] == "next: librarian run job.yaml --dev librarian-shout"
    said = calls.librarian("run", "job.yaml", "--dev", "librarian-shout", "--redo-ok").stderr
    assert "6 done" in said
    assert len(calls.files()) > len(first)
    assert loud(calls) == {"done": 3, "new": 0, "redo": 0, "reasons": {}, "other_code": 0}, "and they stand without it"
    assert "6 done before" in calls.librarian("run", "job.yaml").stderr
    calls.librarian("verify", "--read-data")


def test_the_record_says_by_which_code(calls: Archive, write: Write) -> None:
    write(0.5, "1")
    calls.librarian("run", "job.yaml", "--dev", "librarian-shout")
    (manifest,) = (calls.root / "manifests").glob("*.jsonl")
    bodies = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    code = bodies[0]["code"]["librarian-shout"]
    assert re.fullmatch("[a-z2-7]{26}", code)
    assert bodies[0]["options"]["dev"] == ["librarian-shout"]
    documents = [body["document"] for body in bodies if body.get("outcome") and body["step"] == "loud"]
    assert [each["code"] for each in documents] == [code] * 3
    assert not [body for body in bodies if body.get("step") == "level" and "code" in body["document"]]


def test_an_extension_that_the_job_does_not_use(calls: Archive, write: Write) -> None:
    write(0.5, "1")
    said = calls.librarian("run", "job.yaml", "--dev", "librarian-shoot", code=2).stderr
    assert said == "librarian: --dev librarian-shoot: the job has no such extension; did you mean librarian-shout?\n"

"""What is clean because all that it was made of is, and steps that take nothing else."""

from __future__ import annotations

import json

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
from librarian import Audio, Many, Operation, Settings, hookimpl

def same(task):
    return {"audio": task.write_audio("audio", *task.read_audio("audio"))}

def first(task):
    return {"audio": task.write_audio("audio", *task.read_audio(task.inputs["audio"][0]))}

@hookimpl
def librarian_operations():
    common = {"version": "1", "description": "For a test.", "settings": Settings}
    one = {"run": f"{__name__}:same", "inputs": {"audio": Audio}, "outputs": {"audio": Audio}, **common}
    return [
        Operation(name="wash", clears=True, **one),
        Operation(name="louder", keeps_clean=True, **one),
        Operation(name="tell", **one),
        Operation(name="show", keeps_clean=True, each="job", run=f"{__name__}:first", inputs={"audio": Many(Audio)},
                  outputs={"audio": Audio}, **common),
    ]
"""
JOB = """
librarian: 1
name: clean
recordings: [{{id: calls, path: calls/*.wav}}]
steps:
  - {{id: washed, use: wash}}
  - {{id: loud, use: louder, from: {source}}}
  - {{id: told, use: tell, from: loud}}
  - {{id: shown, use: show, from: {shown}, only: clean}}
"""


@pytest.fixture
def washing(calls: Archive, make_extension: MakeExtension) -> Archive:
    make_extension("washing", CODE)
    return calls


def outputs(archive: Archive) -> dict[str, str]:
    planned = json.loads(archive.librarian("plan", "job.yaml", "--json").stdout)
    return {each["step"]: each["outputs"]["audio"] for each in planned["steps"]}


def private(archive: Archive) -> dict[str, set[bool]]:
    """Step → whether its results are recorded as private."""
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    found: dict[str, set[bool]] = {}
    for body in (json.loads(line)["body"] for line in manifest.read_text().splitlines()):
        if body["type"] == "outcome":
            found.setdefault(body["step"], set()).update(each["private"] for each in body["produced"])
    return found


def test_what_is_made_of_clean_material_alone_is_clean_and_recorded_so(washing: Archive) -> None:
    washing.job(JOB.format(source="washed", shown="loud"))
    assert outputs(washing) == {"washed": "clean", "loud": "clean", "told": "private", "shown": "clean"}
    washing.librarian("run", "job.yaml")
    assert private(washing) == {"washed": {False}, "loud": {False}, "told": {True}, "shown": {False}}
    washing.librarian("export", "shown.audio", "given")


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("source", "shown", "named"), [("calls", "loud", "loud.audio"), ("washed", "told", "told.audio")]
)
def test_a_step_that_takes_only_what_is_clean_refuses_the_job_and_no_option_lets_it(
    washing: Archive, command: str, source: str, shown: str, named: str
) -> None:
    washing.job(JOB.format(source=source, shown=shown))
    for more in ((), ("--private",)):
        said = washing.librarian(command, "job.yaml", *more, code=4).stderr
        assert said == (
            f"job.yaml:9:22: steps.3.use: takes only what is clean, and {named}, its input audio, is private; take "
            "what a step has cleared (the output of an operation that clears), or leave out  only: clean\n"
        )
    assert not (washing.root / "library").exists()


def test_recordings_themselves_are_private(washing: Archive) -> None:
    washing.job(JOB.format(source="washed", shown="calls"))
    said = washing.librarian("plan", "job.yaml", code=4).stderr
    assert "takes only what is clean, and calls, its input audio, is private" in said
    washing.librarian("plan", "job.yaml", "--to", "told")  # only what is to be run counts


def test_settings_of_single_recordings_do_not_change_what_is_clean(washing: Archive) -> None:
    first = min((washing.root / "calls").glob("*.wav")).name
    (washing.root / "list.csv").write_text(f"file,loud.target\n{first},-30\n")
    washing.job(
        """
        librarian: 1
        name: clean
        recordings: [{id: calls, path: calls/*.wav, list: list.csv}]
        steps:
          - {id: washed, use: wash}
          - {id: loud, use: normalize, from: washed}
        """
    )
    assert outputs(washing) == {"washed": "clean", "loud": "clean"}
    washing.librarian("run", "job.yaml")
    assert private(washing)["loud"] == {False}

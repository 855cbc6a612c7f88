"""What stays in the vault: an output that becomes no file, of which no record says what is in it."""

from __future__ import annotations

import json
import sqlite3

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
from librarian import Audio, Data, Field, Operation, Output, Settings, hookimpl

class Voices(Data):
    word = "voices/1"
    secret = True
    vector: list[float]

class Sketch(Data):
    word = "sketch/1"

class ListenSettings(Settings):
    facts: bool = Field(False, description="Whether a fact says what should stay in the vault.")

def listen(task):
    facts = {"pitch": 1.0} if task.settings.facts else {}
    return {"voices": Output(Voices(vector=[0.123456789]), facts), "sketch": Sketch()}

def compare(task):
    return {"sketch": Sketch()}

@hookimpl
def librarian_operations():
    from librarian import Fact
    common = {"version": "1", "description": "For a test.", "reproducible": "bytes"}
    return [
        Operation(name="listen", run=f"{__name__}:listen", settings=ListenSettings, inputs={"audio": Audio},
                  outputs={"voices": Voices, "sketch": Sketch}, facts={"pitch": Fact("Of a voice.")}, **common),
        Operation(name="compare", run=f"{__name__}:compare", settings=Settings, inputs={"voices": Voices},
                  outputs={"sketch": Sketch}, **common),
    ]
"""
JOB = """\
librarian: 1
name: voices
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: heard, use: listen}
"""
VECTOR = "0.123456789"


@pytest.fixture
def listening(calls: Archive, make_extension: MakeExtension) -> Archive:
    """An archive with a job whose operation puts out what stays in the vault."""
    make_extension("listening", CODE)
    calls.job(JOB)
    return calls


def results(archive: Archive) -> set[str]:
    return {file for file in archive.files() if "/" in file}


def kept(archive: Archive) -> list[tuple[str, str, str]]:
    with sqlite3.connect(archive.root / ".librarian" / "vault.db") as vault:
        return sorted(vault.execute("SELECT unit, kind, document FROM secrets"))


@pytest.mark.parametrize("workers", ["1", "0"])
def test_it_stands_in_the_vault_and_nowhere_else(listening: Archive, workers: str) -> None:
    listening.librarian("run", "job.yaml", "--workers", workers)
    units = {file.split("/")[1] for file in results(listening)}
    assert [(unit, kind) for unit, kind, _ in kept(listening)] == [(unit, "voices/1") for unit in sorted(units)]
    assert json.loads(kept(listening)[0][2]) == {"schema": "voices/1", "vector": [0.123456789]}
    assert {file.rpartition(".listen.")[2] for file in results(listening)} == {"sketch.json"}
    elsewhere = {name: content for name, content in listening.files(".").items() if ".librarian/vault" not in name}
    assert not [name for name, content in elsewhere.items() if VECTOR.encode() in content]
    assert "0 problems" in listening.librarian("verify", "--read-data").stdout


def test_what_is_there_is_not_asked_for_again(listening: Archive) -> None:
    listening.librarian("run", "job.yaml")
    before = kept(listening)
    again = listening.librarian("run", "job.yaml")
    assert "3 done before" in again.stdout + again.stderr
    assert kept(listening) == before


def test_no_step_can_take_it(listening: Archive) -> None:
    listening.job(JOB + "  - {id: same, use: compare, from: {voices: heard.voices}}\n")
    said = listening.librarian("plan", "job.yaml", code=2).stderr
    assert said == (
        "job.yaml:6:45: steps.1.from.voices: the input voices takes voices/1; heard offers nothing that fits\n"
    )


def test_a_fact_would_tell_of_it(listening: Archive) -> None:
    listening.job(JOB.replace("use: listen", "use: listen, with: {facts: true}"))
    listening.librarian("run", "job.yaml", code=1)
    assert kept(listening) == []
    assert not results(listening)


def test_a_try_says_what_it_cannot_keep(listening: Archive) -> None:
    done = listening.librarian("try", "listen", str(next((listening.root / "calls").glob("*.wav"))))
    assert "not written: voices, for it stays in the vault of a project, and a try has none" in done.stderr
    assert VECTOR not in "".join(path.read_text() for path in (listening.root / "librarian-try").iterdir())


def test_one_that_cannot_be_put_into_place_leaves_nothing_in_the_vault(listening: Archive) -> None:
    listening.librarian("run", "job.yaml")
    spoiled = sorted(results(listening))[0].rpartition("/")[0]
    with sqlite3.connect(listening.root / ".librarian" / "vault.db") as vault:
        vault.execute("DELETE FROM secrets")
    vault.close()
    for path in (listening.root / "manifests").iterdir():
        path.unlink()  # what lies in the library is of nobody that is known
    (listening.root / "library" / spoiled / "mine.txt").write_text("not of a task")
    listening.librarian("run", "job.yaml", code=1)
    units = {file.split("/")[1] for file in results(listening)}
    assert {unit for unit, _, _ in kept(listening)} == units - {spoiled.split("/")[1]}

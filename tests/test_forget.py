"""`privacy forget`: what was derived from a recording is in no byte of the project, wherever it was cut off."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import soundfile
from asking import data
from faults import Ended, Fault, points, watch, why_not
from harness import KEY, Archive, install

from librarian.testing.sound import tone

NAME, LABEL, SPEAKER, FRAMES = "Ottilie Brandstaetter", "Quellwasser shelf", "Jochanan the lodger", 8123
FACT, VECTOR = str(FRAMES * 1.0625), str(FRAMES * 0.1328125)
PLANTED = {
    **{"name": "Ottilie", "label": "Quellwasser", "setting": "Jochanan", "content": f"zqx-content-{FRAMES}"},
    **{
        "word": f"zqxword{FRAMES}",
        "fact": FACT,
        "secret": VECTOR,
        "state": f"zqx-state-{FRAMES}",
        "printed": f"zqx-print-{FRAMES}",
    },
}
CODE = """
from librarian import Audio, Data, Fact, Field, Many, Operation, Output, Settings, Text, Word, Words, hookimpl

class Voices(Data):
    word = "voices/1"
    secret = True
    vector: float

class TellSettings(Settings):
    speaker: str = Field("", description="Who speaks.")

def write(task, *frames):
    path = task.folder / "told.txt"
    path.write_text(" ".join(f"zqx-content-{each}" for each in frames))
    return path

def tell(task):
    frames = task.read_audio("audio")[0].shape[1]
    print(f"zqx-print-{frames}", flush=True)
    text = Output(write(task, frames), {"measured": frames * 1.0625})
    return {"text": text, "voices": Voices(vector=frames * 0.1328125)}

def stop(task):
    frames = task.read_audio("audio")[0].shape[1]
    task.state.value["where"] = f"zqx-state-{frames}"
    task.state.save()
    raise RuntimeError(f"zqx-print-{frames}")

def say(task):
    frames = task.read_audio("audio")[0].shape[1]
    return {"words": Words(language="en", words=[Word(start=0, end=1, text=f"zqxword{frames}")])}

def gather(task):
    return {"text": write(task, *(task.read_audio(each)[0].shape[1] for each in task.inputs["audio"]))}

@hookimpl
def librarian_operations():
    common = {"version": "1", "description": "For a test.", "reproducible": "bytes"}
    one, many = {"audio": Audio}, {"audio": Many(Audio)}
    return [
        Operation(name="tell", run=f"{__name__}:tell", settings=TellSettings, inputs=one,
                  outputs={"text": Text, "voices": Voices}, facts={"measured": Fact("Of it.")}, **common),
        Operation(name="stop", run=f"{__name__}:stop", settings=Settings, inputs=one, outputs={"text": Text}, **common),
        Operation(name="say", run=f"{__name__}:say", settings=Settings, inputs=one, outputs={"words": Words}, **common),
        Operation(name="gather", run=f"{__name__}:gather", settings=Settings, inputs=many, outputs={"text": Text},
                  each="job", **common),
        Operation(name="pair", run=f"{__name__}:gather", settings=Settings, inputs=many, outputs={"text": Text},
                  each="group", **common),
    ]
"""
JOB = r"""
librarian: 1
name: talks
recordings:
  - id: talks
    path: tapes/*.wav
    list: list.csv
    group: '(?P<group>.*)(?P<role>[ab])\.wav'
    roles: {a: left, b: right}
steps:
  - {id: told, use: tell}
  - {id: ended, use: stop}
  - {id: said, use: say}
  - {id: all, use: gather, missing: leave out}
  - {id: pair, use: pair, missing: leave out}
"""


def plant(root: Path) -> Archive:
    """A project after a run. What is the owner's lies in a folder of its own."""
    owner = root / "owner"
    (owner / "tapes").mkdir(parents=True)
    for name, frames in ((f"{NAME} a", FRAMES), ("second b", 8200), ("third a", 8300), ("third b", 8400)):
        soundfile.write(owner / "tapes" / f"{name}.wav", tone(440, 1.5, 8000)[0, :frames], 8000)
    (owner / "list.csv").write_text(
        f"file,label,told.speaker\n{NAME} a.wav,{LABEL},{SPEAKER}\nthird a.wav,Tape 3,Mona\n"
    )
    archive = Archive(root, {"LIBRARIAN_KEY": KEY})
    install(root.parent / "site", archive, "telling", CODE)
    (owner / "job.yaml").write_text(JOB)
    archive.librarian("init")
    archive.librarian("run", "owner/job.yaml", code=1)
    assert len(data(archive, "find", "zqxword*")["hits"]) == 4
    return archive


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return plant(tmp_path_factory.mktemp("tapes") / "archive")


def copy_of(template: Archive) -> Archive:
    root = Path(tempfile.mkdtemp(dir=template.root.parent))
    return Archive(shutil.copytree(template.root, root, dirs_exist_ok=True), template.environment)


@pytest.fixture
def planted(template: Archive) -> Archive:
    return copy_of(template)


def project_files(archive: Archive) -> dict[str, bytes]:
    """Every byte of the project but the owner's own files."""
    return {
        name: content for name, content in archive.files(".").items() if not name.startswith(("owner/", "job.yaml"))
    }


def held(archive: Archive) -> dict[str, set[str]]:
    """Planted value → the files that hold it, as bytes, or in a name."""
    files: Mapping[str, bytes] = project_files(archive)
    found = {
        what: {name for name, content in files.items() if value.encode() in content or value in name}
        for what, value in PLANTED.items()
    }
    return {what: names for what, names in found.items() if names}


def unit_of(archive: Archive) -> str:
    return str(data(archive, "show", f"{NAME} a.wav")["id"])


def test_what_is_planted_is_there_before(planted: Archive) -> None:
    found = held(planted)
    assert found.keys() == PLANTED.keys()
    vault = {".librarian/vault.db"}
    assert {what: found[what] for what in ("name", "label", "setting", "secret", "state")} == dict.fromkeys(
        ("name", "label", "setting", "secret", "state"), vault
    )
    assert len(found["content"]) == 3  # of itself, of all, of its group
    assert ".librarian/catalog.db" in found["fact"]
    assert ".librarian/words.db" in found["word"]
    assert {name.partition("/")[0] for name in found["printed"]} >= {".librarian", "manifests"}


def test_nothing_is_left_of_it_and_everything_of_the_others(planted: Archive) -> None:
    unit, before = unit_of(planted), project_files(planted)
    said = planted.librarian("privacy", "forget", LABEL, "--yes")
    assert "to be forgotten: 1 recording, and what was ever made from it" in said.stdout
    assert "4 files (3 text, 1 words/1)" in said.stdout
    assert "of these 1 hold other recordings too" in said.stdout
    assert "1 path, 1 label" in said.stdout
    assert "1 file still there, in 1 folder" in said.stdout
    assert NAME not in said.stdout + said.stderr
    assert held(planted) == {}
    after = project_files(planted)
    assert {name for name in before if name.startswith("library/")} - after.keys()
    kept = {name for name, content in before.items() if b"zqx-content-8300" in content and b"8123" not in content}
    assert kept <= after.keys()
    assert b"zqxword8300" in after[".librarian/words.db"]
    assert len(data(planted, "find", "zqxword*")["hits"]) == 3
    assert held(planted) == {}
    assert [name for name, content in after.items() if b"Mona" in content or b"Tape 3" in content]
    verified = planted.librarian("verify", "--read-data")
    assert "0 problems" in verified.stdout
    tombstone(planted, unit)


def tombstone(archive: Archive, unit: str) -> None:
    """What is left: ids, in a manifest that says what was emptied; and an empty line where each line was."""
    newest = max((archive.root / "manifests").glob("*.jsonl"))
    bodies = [json.loads(line)["body"] for line in newest.read_text().splitlines()]
    assert [body["type"] for body in bodies] == ["act", "emptied", "forgotten", "seal"]
    assert unit in bodies[2]["units"]
    assert [each[:4] for each in bodies[2]["units"]] == ["grp_", "rec_"]  # a group of nothing but it goes too
    lines = (archive.root / "manifests" / f"{bodies[1]['job']}.jsonl").read_text().splitlines()
    assert [number for number, line in enumerate(lines) if json.loads(line)["body"] is None] == bodies[1]["lines"]
    assert f"{unit} was forgotten on " in archive.librarian("show", unit[:9]).stdout
    assert data(archive, "show", bodies[1]["artifacts"][0])["state"] == "forgotten"
    assert "forget" in archive.librarian("jobs").stdout


def test_a_run_refuses_it_and_does_the_rest_until_it_may_be_taken_again(planted: Archive) -> None:
    unit = unit_of(planted)
    planted.librarian("privacy", "forget", unit, "--yes")
    again = planted.librarian("run", "owner/job.yaml", code=1)
    back = f"to take it again, type: librarian privacy forget --allow-again {unit}"
    assert re.search(f"refused: it was forgotten by job_[0-9a-z]*; {back}", again.stderr), again.stderr
    assert held(planted) == {}
    assert "1 done" in again.stderr  # what was gathered from it with others is made without it
    assert "0 problems" in planted.librarian("verify", "--read-data").stdout
    assert "may be taken again" in planted.librarian("privacy", "forget", "--allow-again", unit).stderr
    planted.librarian("run", "owner/job.yaml", code=1)
    assert held(planted).keys() >= {"name", "label", "setting", "secret", "content", "fact"}


def test_nobody_is_asked_where_nobody_is(planted: Archive) -> None:
    before = project_files(planted)
    for arguments, code, said in (
        ((), 2, "nobody is there to be asked; to forget all of this, add --yes"),
        (("--json",), 2, "--json asks nothing: add --yes, or --dry-run to look only"),
        (("--dry-run",), 0, "nothing was done"),
    ):
        assert said in planted.librarian("privacy", "forget", LABEL, *arguments, code=code).stderr
    goes = json.loads(planted.librarian("privacy", "forget", LABEL, "--dry-run", "--json").stdout)
    assert (goes["job"], goes["results"], goes["gathered"], goes["originals"]) == (
        None,
        {"text": 3, "words/1": 1},
        1,
        1,
    )
    assert (
        "nothing of that is forgotten" in planted.librarian("privacy", "forget", "--allow-again", LABEL, code=2).stderr
    )
    after = project_files(planted)
    assert {name for name in before if before[name] != after.get(name)} <= {".librarian/lock"}


def play(archive: Archive, fault: Fault | None = None) -> Ended:
    command = [sys.executable, "-P", "-m", "librarian", "privacy", "forget", LABEL, "--yes"]
    environment = {**os.environ, **archive.variables()}
    return watch(command, archive.root, fault, cwd=archive.root, environment=environment)


def test_the_next_run_completes_one_that_was_cut_off(template: Archive) -> None:
    if reason := why_not():
        pytest.skip(reason)
    archive = copy_of(template)
    calls = play(archive).calls
    emptied = next(at for at, call in enumerate(calls, 1) if call.source.endswith(".jsonl.new"))
    archive = copy_of(template)
    unit = unit_of(archive)
    assert play(archive, Fault("kill all", emptied)).code
    assert "should have been emptied: a forget was cut off" in archive.librarian("verify", code=1).stdout
    said = archive.librarian("run", "owner/job.yaml", code=1).stderr
    assert "a forget was cut off; it has been completed" in said
    assert f"librarian privacy forget --allow-again {unit}" in said
    assert held(archive) == {}
    assert "0 problems" in archive.librarian("verify", "--read-data").stdout


@pytest.mark.parametrize(("kind", "code"), [("full from there on", 6), ("broken once", 6)])
def test_where_the_disk_fails_nothing_is_called_done_and_typed_again_it_completes(
    template: Archive, kind: str, code: int
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    undisturbed = play(copy_of(template))
    for fault in points(undisturbed, kind, 3, "forget"):
        archive = copy_of(template)
        ended = play(archive, fault)
        assert ended.code in (0, code), (fault, ended.struck, ended.err)
        if ended.code:
            archive.librarian("privacy", "forget", LABEL, "--yes", code=None)
        assert "0 problems" in archive.librarian("verify", "--read-data").stdout, (fault, ended.struck, ended.err)
        assert held(archive) == {}, (fault, ended.struck, ended.err)
        shutil.rmtree(archive.root)


def test_killed_anywhere_and_typed_again_it_completes(template: Archive, request: pytest.FixtureRequest) -> None:
    if reason := why_not():
        pytest.skip(reason)
    undisturbed = play(copy_of(template))
    assert undisturbed.code == 0, undisturbed.err
    number = request.config.getoption("--points")
    wrong = []
    for kind, some in (("kill all", 5), ("tear a line and kill all", 1)):
        for fault in points(undisturbed, kind, number and some * number, "forget"):
            archive = copy_of(template)
            ended = play(archive, fault)
            again = archive.librarian("privacy", "forget", LABEL, "--yes", code=None)
            verified = archive.librarian("verify", "--read-data", code=None)
            done = again.returncode == 0 or "The last job was a forget, and it is complete" in again.stderr
            if not done or verified.returncode or held(archive):
                wrong.append(f"{fault} {ended.struck}: {again.stderr} {verified.stdout} {held(archive)}")
            shutil.rmtree(archive.root)
    assert not wrong, "\n".join(wrong)

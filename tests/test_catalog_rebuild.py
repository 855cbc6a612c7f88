"""An index that is made anew from the manifests is the one it replaces; what takes room is counted from it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from harness import Archive
from units import here, outcomes, run, sound, toy_archive

from librarian.manifest import index

JOB = r"""
librarian: 1
name: indexed
recordings:
  - {id: talks, path: 'talks/*.wav'}
  - {id: calls, path: 'calls/*.wav', group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
  - {id: voice, use: louder, from: talks, with: {gain: 1 dB}}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: number, from: cuts}
  - {id: mixed, use: blend, from: calls}
  - {id: note, use: note, from: voice, with: {speaker: Ottilie}}
""".lstrip()


NAMES = ("talks/none.wav", "talks/a.wav", "talks/b.wav", "calls/in-x.wav", "calls/out-x.wav")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Made, changed, made again, failed, settled, exported, revised, and some of it damaged and known to be."""
    made = toy_archive(tmp_path / "archive")
    for number, name in enumerate(
        ("talks/none.wav", "talks/a.wav", "talks/b.wav", "calls/in-x.wav", "calls/out-x.wav")
    ):
        sound(made.root / name, number)
    made.job(JOB)
    run(made, code=1)
    here(made, "settle", "none.wav", "--because", "blank")
    run(made, "--redo", "cuts")
    made.job(JOB.replace("1 dB", "2 dB"))
    run(made, "--redo-ok")
    made.job(JOB)
    run(made, "--redo-ok")
    here(made, "export", "note", "out", "--private")
    sound(made.root / "mine.wav", 9)
    _, voice = (line for line in outcomes(made, 0, "voice") if line["produced"])
    here(made, "revise", voice["produced"][0]["id"], "mine.wav")
    done = [line for step in ("note", "mixed") for line in outcomes(made, 0, step) if line["outcome"] == "done"]
    for line in (done[0], done[-1]):
        path = made.root / "library" / line["folder"] / line["produced"][0]["file"]
        path.chmod(0o600)
        path.write_bytes(bytes(path.stat().st_size))
    here(made, "verify", "--read-data", code=1)
    return made


def dump(archive: Archive) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but of the one that says what a run may skip, which a run makes anew."""
    with contextlib.closing(sqlite3.connect(archive.root / ".librarian" / "catalog.db")) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in tables if name != "settled"}


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_it_is_equal_to_the_one_it_replaces(archive: Archive, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(archive)
    assert sum(row[-1] > 0 for row in before["artifacts"]) == 2
    assert {name for name, rows in before.items() if not rows} == {"forgotten", "drops"}
    monkeypatch.setattr(index, "AT_ONCE", at_once)
    said = here(archive, "catalog", "rebuild").stderr
    assert "made anew from 7 manifests" in said
    assert dump(archive) == before
    assert sorted(path.name for path in (archive.root / ".librarian").glob("catalog*")) == [
        "catalog.checked",
        "catalog.db",
    ]


@pytest.mark.parametrize("damage", ["gone", "junk", "behind"])
def test_from_whatever_is_there(archive: Archive, damage: str) -> None:
    run(archive)  # mends what is suspect
    before = dump(archive)
    path = archive.root / ".librarian" / "catalog.db"
    if damage == "gone":
        path.unlink()
    elif damage == "junk":
        path.write_bytes(b"junk" * 5000)
    else:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("DELETE FROM manifests WHERE job = (SELECT max(job) FROM manifests)")
            db.execute("DELETE FROM jobs WHERE job = (SELECT max(job) FROM jobs)")
            db.commit()
    here(archive, "catalog", "rebuild")
    assert dump(archive) == before
    assert here(archive, "verify", "--read-data").returncode == 0


def test_room_is_counted_by_step_and_state(archive: Archive) -> None:
    next((archive.root / "library").rglob("*.note.text.*")).unlink()
    found = json.loads(here(archive, "du", "--json").stdout)
    rows = {(row["step"], row["state"]): (row["results"], row["bytes"]) for row in found["steps"]}
    assert rows["voice", "current"][0] == 2
    assert rows["voice", "superseded"][0] == 3  # of the other gain, and what a person revised
    assert rows["mixed", "suspect"][0] == 1
    assert {state for _, state in rows} == {"current", "superseded", "suspect", "missing"}
    assert all(bytes_ == 0 for (_, state), (_, bytes_) in rows.items() if state == "missing")
    total = sum(
        path.stat().st_size
        for path in (archive.root / "library").rglob("*.*")
        if path.is_file() and path.name[0] != "."
    )
    assert sum(bytes_ for _, bytes_ in rows.values()) == total
    assert found["beside"]["record"] == sum(path.stat().st_size for path in (archive.root / "manifests").iterdir())
    shown = here(archive, "du").stdout
    assert "voice of indexed" in shown and "superseded" in shown.splitlines()[-1]


def test_an_empty_project(tmp_path: Path) -> None:
    made = toy_archive(tmp_path / "archive")
    here(made, "init")
    assert "nothing is in the library yet" in here(made, "du").stderr
    assert "0 manifests" in here(made, "catalog", "rebuild").stderr

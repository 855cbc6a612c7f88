"""Files that have just changed wait for the next run: somebody may still be writing to them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from harness import Archive
from units import counts, here, lines, run, sound, toy_archive

JOB = r"""
librarian: 1
name: growing
recordings:
  - {id: talks, path: 'talks/*.wav'}
  - {id: calls, path: 'calls/*.wav', group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
  - {id: voice, use: louder, from: talks}
  - {id: mixed, use: blend, from: calls}
""".lstrip()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A recording and a call that have not changed for an hour."""
    monkeypatch.delenv("LIBRARIAN_FRESH_OK")
    made = toy_archive(tmp_path / "archive")
    for number, name in enumerate(("talks/one.wav", "calls/in-a.wav", "calls/out-a.wav"), 1):
        aged(sound(made.root / name, number))
    made.job(JOB)
    return made


def aged(path: Path, seconds: float = 3600.0) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_a_file_that_just_changed_waits_for_the_next_run(archive: Archive) -> None:
    new = sound(archive.root / "talks" / "two.wav", 5)
    said = run(archive).stderr
    assert "1 file left for the next run: changed within the last minute" in said
    assert counts(archive) == {("voice", "done"): 1, ("mixed", "done"): 1}
    assert lines(archive)[-2]["fresh"] == 1
    assert run(archive).stderr.count("left for the next run") == 1
    aged(new, 61.0)
    assert "left for the next run" not in run(archive).stderr
    assert counts(archive) == {("voice", "done"): 1}


def test_a_group_waits_as_a_whole(archive: Archive) -> None:
    aged(sound(archive.root / "calls" / "in-b.wav", 6))
    sound(archive.root / "calls" / "out-b.wav", 7)
    assert "2 files left for the next run" in run(archive).stderr
    assert counts(archive)["mixed", "done"] == 1


def test_where_all_are_new_all_are_taken(archive: Archive) -> None:
    for path in (*archive.root.glob("talks/*"), *archive.root.glob("calls/*")):
        os.utime(path)
    assert "left for the next run" not in run(archive).stderr
    assert counts(archive) == {("voice", "done"): 1, ("mixed", "done"): 1}


def test_they_are_taken_where_that_is_asked_for(archive: Archive) -> None:
    sound(archive.root / "talks" / "two.wav", 5)
    run(archive, "--fresh-ok")
    assert counts(archive)["voice", "done"] == 2


def test_one_that_was_known_before_is_not_missed(archive: Archive) -> None:
    run(archive)
    os.utime(archive.root / "talks" / "one.wav")
    os.utime(archive.root / "calls" / "in-a.wav")
    aged(sound(archive.root / "talks" / "two.wav", 5))
    assert "absent" not in run(archive).stderr


def test_a_time_to_come_is_no_recent_change(archive: Archive) -> None:
    aged(sound(archive.root / "talks" / "two.wav", 5), -86400.0)
    run(archive)
    assert counts(archive)["voice", "done"] == 2


def test_a_plan_leaves_them_out_too(archive: Archive) -> None:
    sound(archive.root / "talks" / "two.wav", 5)
    found = here(archive, "plan", "job.yaml", "--json")
    assert "1 file left for the next run" in found.stderr
    assert json.loads(found.stdout)["steps"][0]["new"] == 1
    assert json.loads(here(archive, "plan", "job.yaml", "--json", "--fresh-ok").stdout)["steps"][0]["new"] == 2

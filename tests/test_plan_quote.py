"""The plan as a quotation: how much there is to do, why, what it will take; and nothing is touched meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import soundfile
from harness import Archive
from units import copy_of, counts, here, outcomes, run, sound, toy_archive

from librarian.cli.wishes import Wishes

JOB = r"""
librarian: 1
name: quoted
recordings:
  - {id: talks, path: 'talks/*.*', label: 'OH-\d+'}
  - {id: calls, path: calls/*.wav, group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: mixed, use: blend, from: calls}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: louder, from: cuts}
  - {id: joined, use: splice, from: cuts}
  - {id: level, use: profile, from: loud}
  - {id: fitted, use: fit, from: {audio: joined, profile: level}}
""".lstrip()
FILES = {
    **{"talks/a.wav": 0.3, "talks/OH-7.wav": 0.5, "calls/in-one.wav": 0.4, "calls/out-one.wav": 0.4},
    **{"calls/in-two.wav": 0.2, "calls/out-two.wav": 0.2},
}
SECONDS = sum(FILES.values())
PIECES = 20
"""Of 0.1 s."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Nothing is done yet; for tests that do nothing."""
    made = toy_archive(tmp_path_factory.mktemp("fresh") / "archive")
    for number, (name, seconds) in enumerate(FILES.items(), 1):
        sound(made.root / name, number, seconds)
    made.job(JOB)
    return made


@pytest.fixture(scope="module")
def done(fresh: Archive, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """All of it done; for tests that do nothing more."""
    made = copy_of(fresh, tmp_path_factory.mktemp("done") / "archive")
    run(made)
    return made


@pytest.fixture
def archive(done: Archive, tmp_path: Path) -> Archive:
    copied = copy_of(done, tmp_path / "archive")
    run(copied)
    return copied


def quoted(archive: Archive, *typed: str) -> dict[str, Any]:
    """The plan as JSON; nothing may be touched meanwhile."""
    before = left(archive)
    found: dict[str, Any] = json.loads(here(archive, "plan", "job.yaml", "--json", *typed).stdout)
    assert left(archive) == before
    return found


def left(archive: Archive) -> dict[str, tuple[bytes, int]]:
    """Every file of a project and every folder, with its mode."""
    files = archive.files(".")
    return {
        path.relative_to(archive.root).as_posix(): (
            files.get(path.relative_to(archive.root).as_posix(), b""),
            path.lstat().st_mode,
        )
        for path in archive.root.rglob("*")
    }


def rows(found: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Step → done, new, to be done again."""
    return {each["step"]: (each["done"], each["new"], each["redo"]) for each in found["steps"]}


def reasons(found: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {each["step"]: each["reasons"] for each in found["steps"] if each["reasons"]}


def table(text: str) -> dict[str, list[str]]:
    """Step → its cells, of the plan as people read it."""
    cells = [line.split("  ") for line in text.splitlines() if line.startswith("  ") and ": " not in line]
    found = [[cell.strip() for cell in each if cell.strip()] for each in cells]
    return {each[0]: each[1:] for each in found}


def edit(archive: Archive, old: str, new: str) -> None:
    text = (archive.root / "job.yaml").read_text()
    assert old in text
    (archive.root / "job.yaml").write_text(text.replace(old, new))


class TestBefore:
    def test_without_a_project_everything_is_new_and_none_is_made(self, fresh: Archive) -> None:
        found = quoted(fresh)
        assert rows(found) == {
            **{"voice": (0, 6, 0), "mixed": (0, 2, 0), "cuts": (0, 6, 0), "loud": (0, 0, 0), "joined": (0, 6, 0)},
            **{"level": (0, 1, 0), "fitted": (0, 6, 0)},
        }
        assert (found["files"], found["groups"], found["incomplete"]) == (6, 2, [])
        assert not (fresh.root / ".librarian").exists()

    def test_its_sound_is_estimated_from_a_look_into_the_files(self, fresh: Archive) -> None:
        found = quoted(fresh)
        assert found["audio_estimated"]
        assert found["audio_seconds"] == pytest.approx(SECONDS, abs=0.01)
        assert {each["step"]: each["audio_seconds"] for each in found["steps"]} == {
            **dict.fromkeys(("voice", "cuts", "joined", "level", "fitted"), pytest.approx(SECONDS, abs=0.01)),
            **{"mixed": pytest.approx(1.2, abs=0.01), "loud": 0.0},
        }

    def test_what_it_takes_is_not_known_where_nothing_like_it_was_done(self, fresh: Archive) -> None:
        found = quoted(fresh)
        assert found["seconds"] is found["bytes_wanted"] is None
        assert found["bytes_free"] > 0
        assert table(here(fresh, "plan", "job.yaml").stdout)["voice"] == [
            *["0", "6", "0", "2.0 s", "unknown", "unknown"],
        ]

    def test_items_of_lists_that_are_not_made_are_not_counted_and_that_is_said(self, fresh: Archive) -> None:
        found = {each["step"]: each for each in quoted(fresh)["steps"]}
        assert {step: each["lists_not_made_yet"] for step, each in found.items() if each["lists_not_made_yet"]} == {
            "cuts": 6
        }
        assert {step for step, each in found.items() if each["open"]} == {"loud"}
        said = here(fresh, "plan", "job.yaml").stdout
        assert table(said)["loud"][1] == "0+"
        assert "  cuts: 6 lists not made yet; what hangs on their items is not counted" in said.splitlines()
        assert "  joined: 6  after a list that is not made yet" in said.splitlines()

    def test_a_project_in_which_nothing_ran_is_not_touched_either(self, fresh: Archive, tmp_path: Path) -> None:
        archive = copy_of(fresh, tmp_path / "archive")
        here(archive, "init")
        assert rows(quoted(archive))["voice"] == (0, 6, 0)

    def test_what_cannot_be_read_has_no_length(self, fresh: Archive, tmp_path: Path) -> None:
        archive = copy_of(fresh, tmp_path / "archive")
        (archive.root / "talks" / "broken.flac").write_bytes(b"fLaC")
        os.mkfifo(archive.root / "talks" / "pipe.wav")
        (archive.root / "calls" / "out-two.wav").unlink()
        found = quoted(archive)
        assert found["audio_seconds"] == pytest.approx(SECONDS - 0.2, abs=0.01)
        assert found["incomplete"] == [{"entry": "calls", "role": "right", "groups": 1}]
        assert rows(found)["voice"] == (0, 7, 0)
        assert "calls: 1 group without right" in here(archive, "plan", "job.yaml").stdout


class TestAfter:
    def test_all_is_done_and_costs_nothing(self, done: Archive) -> None:
        found = quoted(done)
        assert {each["step"]: each["done"] for each in found["steps"]} == {
            **{"voice": 6, "mixed": 2, "cuts": 6, "loud": PIECES, "joined": 6, "level": 1, "fitted": 6},
        }
        assert (found["seconds"], found["bytes_wanted"], found["redone"]) == (0, 0, 0)
        assert not any(each["new"] or each["redo"] or each["open"] or each["reasons"] for each in found["steps"])
        said = here(done, "plan", "job.yaml")
        assert table(said.stdout)["in all"] == ["47", "0", "0", "0.0 s", "0.0 s", "0 B"]
        assert "next:" not in said.stderr

    def test_its_sound_is_known(self, done: Archive) -> None:
        found = quoted(done)
        assert (found["audio_seconds"], found["audio_estimated"]) == (pytest.approx(SECONDS), False)

    def test_time_and_room_are_what_the_same_took_before(self, done: Archive) -> None:
        found = {each["step"]: each for each in quoted(done, "--set", "steps.voice.with.gain=2")["steps"]}
        made = outcomes(done, 0, "voice")
        spent = sum(seconds for each in made for name, seconds in each["timings"].items() if name != "wait")
        size = sum(artifact["bytes"] for each in made for artifact in each["produced"])
        workers = len(os.sched_getaffinity(0))
        assert found["voice"]["bytes_wanted"] == pytest.approx(size)
        assert found["voice"]["seconds"] == pytest.approx(spent / min(8, workers), rel=0.01)

    def test_part_of_the_sound_takes_part_of_it(self, done: Archive) -> None:
        whole = quoted(done, "--redo", "voice", "--to", "voice")
        part = quoted(done, "--redo", "voice", "--to", "voice", "--only", "one")
        assert part["audio_seconds"] == pytest.approx(0.8)
        assert part["bytes_wanted"] == pytest.approx(whole["bytes_wanted"] * 0.8 / SECONDS)
        assert part["seconds"] == pytest.approx(whole["seconds"] * 0.8 / SECONDS)

    def test_a_change_says_what_is_done_again_and_why(self, done: Archive) -> None:
        found = quoted(done, "--set", "steps.voice.with.gain=2")
        assert rows(found) == {
            **{"voice": (0, 0, 6), "mixed": (2, 0, 0), "cuts": (0, 0, 6), "loud": (0, 0, 0), "joined": (0, 0, 6)},
            **{"level": (0, 0, 1), "fitted": (0, 0, 6)},
        }
        behind = "after a list that is not made yet"
        assert reasons(found) == {
            **{"voice": {"gain 1 → 2 dB": 6}, "cuts": {"its input changed": 6}, "joined": {behind: 6}},
            **{"level": {behind: 1}, "fitted": {behind: 6}},
        }
        said = here(done, "plan", "job.yaml", "--set", "steps.voice.with.gain=2")
        assert "  voice: 6  gain 1 → 2 dB" in said.stdout.splitlines()
        assert "of the finished sound would be done again: a run asks first, or takes --redo-ok" in said.stderr
        assert "next: librarian run job.yaml" in said.stderr
        assert found["redone"] > 0.8

    def test_what_is_asked_for_is_said_to_be(self, done: Archive) -> None:
        found = quoted(done, "--redo", "mixed")
        assert (rows(found)["mixed"], reasons(found)) == ((0, 0, 2), {"mixed": {"asked for": 2}})
        assert found["redone"] == 0

    def test_what_is_new_what_was_touched_and_what_is_missing(self, archive: Archive) -> None:
        sound(archive.root / "talks" / "new.wav", 30)
        for path in archive.root.glob("library/*/*/blend-*/*.flac"):
            path.unlink()
        found = quoted(archive)
        assert rows(found)["voice"] == (6, 1, 0)
        assert rows(found)["level"] == (0, 0, 1)
        assert reasons(found)["mixed"] == {"result missing": 2}
        assert reasons(found)["voice"] == {"not read yet": 1}
        run(archive, "--redo-ok")
        assert (counts(archive)["voice", "done"], counts(archive)["mixed", "done"]) == (1, 2)
        assert counts(archive)["fitted", "done"] == 7

    def test_what_lacks_something(self, archive: Archive) -> None:
        (archive.root / "calls" / "out-two.wav").unlink()
        found = quoted(archive)
        assert reasons(found)["mixed"] == {"lacks something that it needs": 1}

    def test_a_step_that_is_added_is_quoted_by_what_its_operation_took_elsewhere(self, done: Archive) -> None:
        more = "steps.mixed={id: mixed, use: louder, from: calls, with: {gain: 3}}"
        found = quoted(done, "--set", more.replace("steps.mixed", "steps.1"))
        (row,) = (each for each in found["steps"] if each["step"] == "mixed")
        assert row["redo"] == 0 or row["new"] == 4
        assert row["seconds"] is not None

    def test_a_plan_is_what_a_run_then_does(self, archive: Archive) -> None:
        edit(archive, "gain: 1 dB", "gain: 1.5 dB")
        sound(archive.root / "talks" / "new.wav", 31)
        found = quoted(archive, "--to", "cuts")
        run(archive, "--to", "cuts", "--redo-ok")
        done_then = {step: number for (step, outcome), number in counts(archive).items() if outcome == "done"}
        assert done_then == {step: new + redo for step, (_, new, redo) in rows(found).items()}


class TestTasks:
    def test_every_task_is_listed_with_what_is_to_be_done(self, done: Archive) -> None:
        found = quoted(done, "--tasks", "--set", "steps.mixed.audio={format: wav}")
        assert len(found["tasks"]) == 47
        mixed = [each for each in found["tasks"] if each["step"] == "mixed"]
        assert {(each["state"], each["why"], each["redo"]) for each in mixed} == {
            ("todo", "audio flac 24 → wav 24", True)
        }
        rest = [each for each in found["tasks"] if each["step"] != "mixed"]
        assert {(each["state"], each["why"], each["redo"]) for each in rest} == {("current", "", False)}
        assert all((done.root / "library" / each["folder"]).is_dir() for each in rest)
        lines = {each["key"]: each["unit"] for each in outcomes(done, 0)}
        assert all(lines[each["key"]] == each["unit"] for each in rest)
        assert {each["label"] for each in found["tasks"] if each["step"] == "voice"} == {None, "OH-7"}

    def test_or_printed_a_line_each(self, done: Archive, fresh: Archive) -> None:
        said = here(done, "plan", "job.yaml", "--tasks", "--redo", "mixed").stdout.splitlines()
        assert sum(line.split()[:1] == ["loud"] and line.split()[-1] == "done" for line in said) == PIECES
        assert sum("OH-7" in line for line in said) > 3
        assert sum(line.split()[-3:] == ["redo", "asked", "for"] for line in said) == 2
        said = here(fresh, "plan", "job.yaml", "--tasks").stdout.splitlines()
        assert sum("(not read yet)" in line for line in said) >= 6


def test_a_disk_that_is_too_small_and_a_night_that_is_too_short(done: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("librarian.cli.quoting.free_at", lambda library: 10)
    monkeypatch.setattr(Wishes, "seconds_left", lambda self: 1e-9)
    said = here(
        done, "plan", "job.yaml", "--set", "steps.voice.with.gain=2", "--until", "07:00", "--to", "voice"
    ).stderr
    assert "10 B free" in said
    assert "make room, or do a part of it with --sample, --only or --to" in said
    assert "until 07:00 about 0% of it" in said


def test_recordings_in_several_containers_are_estimated_each_by_its_sort(fresh: Archive, tmp_path: Path) -> None:
    archive = copy_of(fresh, tmp_path / "archive")
    for number in range(3):
        samples, rate = soundfile.read(archive.root / "talks" / "a.wav")
        soundfile.write(archive.root / "talks" / f"{number}.flac", samples, rate)
    assert quoted(archive)["audio_seconds"] == pytest.approx(SECONDS + 3 * 0.3, abs=0.01)

"""Steps of groups, of items and of the whole job, from a job file to the record and the files."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
from harness import KEY, RECORDINGS, Archive
from numpy.typing import NDArray
from units import artifact, copy_of, counts, here, lines, outcomes, run, sound, toy_archive

HEAD = r"""
librarian: 1
name: units
recordings:
  - id: calls
    path: calls/*.wav
    group: '(?P<role>recv_out|trans_out|out)-(?P<group>\d{8}-\d{6}-[^.]*)'
    roles: {recv_out: left, trans_out: right, out: both}
  - {id: talks, path: talks/*.wav, label: 'OH-\d+'}
steps:
""".lstrip()
STEPS = """\
  - {id: voice, use: louder, from: calls, with: {gain: -1 dB}}
  - {id: mixed, use: blend, from: voice}
  - {id: cuts, use: chop, with: {seconds: 100 ms}}
  - {id: loud, use: louder, from: cuts}
  - {id: joined, use: splice, from: loud}
  - {id: level, use: profile, from: loud}
  - {id: fitted, use: fit, from: {audio: joined, profile: level}}
"""
ROLES = {"recv_out": "left", "trans_out": "right", "out": "both"}
CALLS = ("20240214-101730-+442079460123", "20240215-091500-+15550148822")
TASKS = {"voice": 6, "mixed": 2, "cuts": 8, "loud": 24, "joined": 8, "level": 1, "fitted": 8}
ROUNDING = 2.0**-22
"""Of samples in 24 bits, dithered."""
SEED = 4711


def archive_in(folder: Path, steps: str = STEPS) -> Archive:
    """Two calls of three recordings each, and two talks."""
    made = toy_archive(folder, {"LIBRARIAN_KEY": KEY})
    for number, name in enumerate(f"calls/{role}-{call}.wav" for call in CALLS for role in ROLES):
        sound(made.root / name, number + 1, seconds=0.35)
    sound(made.root / "talks" / "OH-7 Ottilie.wav", 11)
    sound(made.root / "talks" / "other.wav", 12)
    made.job(HEAD + steps)
    return made


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path / "archive")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """All of it done by workers; for tests that do nothing more."""
    made = archive_in(tmp_path_factory.mktemp("done") / "archive")
    made.librarian("run", "job.yaml", "--workers", "2", "--events", "events")
    return made


def steps(archive: Archive, text: str) -> None:
    archive.job(HEAD + text)


def heard(path: Path) -> NDArray[np.float64]:
    samples: NDArray[np.float64] = soundfile.read(path, always_2d=True)[0].T
    return samples


def by_unit(archive: Archive, step: str, number: int = -1) -> dict[str, dict[str, Any]]:
    """Unit → its outcome line."""
    return {each["unit"]: each for each in outcomes(archive, number, step)}


def why(archive: Archive, step: str) -> list[str]:
    return [each["cause"]["message"] for each in outcomes(archive, step=step) if each["cause"]]


def verified(archive: Archive) -> None:
    here(archive, "verify", "--read-data")


class TestDone:
    def test_everything_is_done_once(self, done: Archive) -> None:
        assert counts(done, 0) == {(step, "done"): number for step, number in TASKS.items()}
        verified(done)

    def test_members_of_a_group_are_mixed_in_the_order_of_their_roles(self, done: Archive) -> None:
        voices = {each["consumed"][0]["id"]: each for each in outcomes(done, 0, "voice")}
        made = {each["produced"][0]["id"]: each for each in voices.values()}
        for line in outcomes(done, 0, "mixed"):
            assert line["unit"].startswith("grp_")
            assert [each["role"] for each in line["consumed"]] == ["left", "right", "both"]
            channels = [heard(artifact(done, made[each["id"]], "audio"))[0] for each in line["consumed"]]
            assert np.allclose(heard(artifact(done, line, "audio")), np.stack(channels), atol=ROUNDING)
            members = [made[each["id"]]["unit"] for each in line["consumed"]]
            order = artifact(done, line, "order").read_text().splitlines()
            assert order == [f"{role} {unit} 0" for role, unit in zip(ROLES.values(), members, strict=True)]

    def test_pieces_are_worked_on_one_by_one_and_joined_in_their_order(self, done: Archive) -> None:
        cuts, joined = by_unit(done, "cuts", 0), by_unit(done, "joined", 0)
        loud = by_unit(done, "loud", 0)
        for unit, line in cuts.items():
            assert [each["item"] for each in line["produced"]] == [1, 2, 3]
            assert [each["file"] for each in line["produced"]] == [
                f"{unit}.chop.pieces.{n:04d}.flac" for n in (1, 2, 3)
            ]
            given = [loud[each["id"]]["produced"][0]["id"] for each in line["produced"]]
            assert [each["id"] for each in joined[unit]["consumed"]] == given
            pieces = [heard(done.root / "library" / line["folder"] / each["file"]) for each in line["produced"]]
            whole = heard(artifact(done, joined[unit], "audio"))
            assert np.allclose(whole, np.concatenate(pieces, axis=1), atol=ROUNDING)
            assert whole.shape == (1, 2400)

    def test_pieces_are_told_apart_by_their_numbers(self, done: Archive) -> None:
        line = next(iter(by_unit(done, "cuts", 0).values()))
        said = done.librarian("trace", line["consumed"][0]["id"]).stdout
        for number, each in enumerate(line["produced"], 1):
            assert f"{each['id']}  cuts.pieces {number} of " in said

    def test_what_was_measured_over_all_is_applied_to_every_recording(self, done: Archive) -> None:
        (level,) = outcomes(done, 0, "level")
        assert level["unit"].startswith("set_")
        assert len(level["consumed"]) == 24
        value = json.loads(artifact(done, level, "profile").read_text())["measurements"][0]["value"]
        for line in outcomes(done, 0, "fitted"):
            assert level["produced"][0]["id"] in [each["id"] for each in line["consumed"]]
            assert np.sqrt(np.mean(heard(artifact(done, line, "audio")) ** 2)) == pytest.approx(value, rel=1e-4)

    def test_every_line_fits_the_schema_that_ships(self, done: Archive) -> None:
        schema = json.loads(here(done, "schema", "manifest").stdout)
        validator = jsonschema.validators.validator_for(schema)(schema)
        for path in (done.root / "manifests").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                validator.validate(json.loads(line))

    def test_what_was_expected_and_what_was_found_is_what_ended(self, done: Archive) -> None:
        events = [json.loads(line) for line in (done.root / "events").read_text().splitlines()]
        assert expected(events) == ended(events) == TASKS

    def test_the_second_run_does_nothing_and_its_record_has_three_lines(self, done: Archive, tmp_path: Path) -> None:
        again = copy_of(done, tmp_path / "archive")
        said = again.librarian("run", "job.yaml", "--events", "events").stderr
        assert "57 done before" in said
        assert [each["type"] for each in lines(again)] == ["job", "summary", "seal"]
        assert lines(again)[1]["counts"] == {step: {"cached": number} for step, number in TASKS.items()}
        assert again.files() == done.files()
        events = [json.loads(line) for line in (again.root / "events").read_text().splitlines()]
        assert expected(events) == ended(events) == TASKS

    @pytest.mark.parametrize("workers", [0, 1, 3])
    def test_however_many_workers_there_are_the_library_is_the_same(
        self, done: Archive, archive: Archive, workers: int
    ) -> None:
        if workers:
            archive.librarian("run", "job.yaml", "--workers", str(workers))
        else:
            run(archive)
        assert archive.files() == done.files()

    def test_a_run_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(
        self, done: Archive, tmp_path: Path
    ) -> None:
        began = time.monotonic()
        archive_in(tmp_path / "undisturbed").librarian("run", "job.yaml", "--workers", "2")
        duration, moments = time.monotonic() - began, random.Random(SEED)
        killed = 0
        for number in range(4):
            archive = archive_in(tmp_path / f"archive-{number}")
            killed += kill_after(archive, moments.uniform(0.4, 1.0) * duration)
            run(archive)
            assert archive.files() == done.files(), f"kill {number}"
            verified(archive)
            assert not (archive.root / "library" / ".staging").exists()
        assert killed


def kill_after(archive: Archive, seconds: float) -> bool:
    """Start a run and kill its whole group; False where it was done before."""
    process = archive.start("run", "job.yaml", "--workers", "2", start_new_session=True)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def expected(events: Sequence[dict[str, Any]]) -> Counter[str]:
    """Step → tasks that a run says it will have."""
    found: Counter[str] = Counter()
    for each in events:
        found.update(each.get("expected", {}) if each["event"] == "run_started" else {})
        found.update(each["counts"] if each["event"] == "tasks_found" else {})
    return found


def ended(events: Sequence[dict[str, Any]]) -> Counter[str]:
    """Step → tasks that it says have ended, or stand."""
    found: Counter[str] = Counter()
    for each in events:
        found.update([each["step"]] if each["event"] == "task_ended" else [])
        found.update(each["steps"] if each["event"] == "tasks_stand" else [])
        found.update(each["counts"] if each["event"] == "all_stand" else {})
    return found


class TestGroups:
    def test_one_that_is_incomplete_is_said_and_skipped(self, archive: Archive) -> None:
        (archive.root / "calls" / f"out-{CALLS[0]}.wav").unlink()
        said = run(archive, "--events", "events", code=1).stderr
        assert "calls: 1 group without both" in said
        assert counts(archive)["mixed", "done"] == counts(archive)["mixed", "skipped"] == 1
        assert why(archive, "mixed") == ["no file of the group is its both"]
        assert counts(archive)["fitted", "done"] == 7
        events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
        assert expected(events) == ended(events)

    def test_or_done_without_where_the_step_says_so_and_the_record_names_who_was_absent(self, archive: Archive) -> None:
        (archive.root / "calls" / f"out-{CALLS[0]}.wav").unlink()
        steps(archive, "  - {id: mixed, use: blend, from: calls, missing: leave out}\n")
        run(archive)
        found = {len(each["consumed"]): each for each in outcomes(archive)}
        assert found[3]["absent"] == []
        assert found[2]["absent"] == [{"port": "audio", "role": "both", "unit": None, "step": None}]
        assert heard(artifact(archive, found[2], "audio")).shape[0] == 2
        run(archive)
        assert counts(archive) == {}
        sound(archive.root / "calls" / f"out-{CALLS[0]}.wav", 40)
        run(archive, "--redo-ok")
        assert [len(each["consumed"]) for each in outcomes(archive)] == [3]
        verified(archive)

    def test_a_broken_recording_costs_what_needs_it_and_nothing_else(self, archive: Archive) -> None:
        broken, silent = f"recv_out-{CALLS[0]}.wav", f"trans_out-{CALLS[1]}.wav"
        (archive.root / "calls" / broken).write_bytes(b"RIFF")
        sound(archive.root / "calls" / silent, 0)
        steps(archive, STEPS + "  - {id: left, use: blend, from: voice, missing: leave out}\n")
        run(archive, code=1)
        found = counts(archive)
        assert found["voice", "done"], found["voice", "failed"] == (4, 2)
        assert found["mixed", "skipped"] == found["left", "done"] == 2
        assert set(why(archive, "mixed")) == {"the step voice left nothing to work on"}
        absent = [each["absent"] for each in outcomes(archive, step="left")]
        assert {(each["role"], each["step"]) for (each,) in absent} == {("left", "voice"), ("right", "voice")}
        assert found["level", "skipped"] == 1
        assert found["fitted", "skipped"] == 8
        assert found["cuts", "failed"] == 1
        assert found["joined", "skipped"] == 2
        verified(archive)

    def test_so_does_one_that_cannot_be_opened(self, archive: Archive) -> None:
        path = archive.root / "calls" / f"out-{CALLS[0]}.wav"
        path.unlink()
        os.mkfifo(path)
        steps(
            archive,
            "  - {id: mixed, use: blend, from: calls}\n  - {id: left, use: blend, from: calls, missing: leave out}\n",
        )
        run(archive, code=1)
        assert counts(archive) == {
            **{("mixed", "done"): 1, ("mixed", "skipped"): 1, ("left", "done"): 1},
            ("left", "cached"): 1,  # of the other group it is what was mixed already
        }
        assert why(archive, "mixed") == ["a recording that it needs cannot be read"]
        (lacking,) = (each["absent"][0] for each in outcomes(archive, step="left") if each["absent"])
        assert (lacking["role"], lacking["unit"][:4], lacking["step"]) == ("both", "src_", None)

    def test_broken_recordings_that_the_whole_job_gathers_by_itself(self, archive: Archive) -> None:
        (archive.root / "talks" / "other.wav").write_bytes(b"RIFF")
        steps(
            archive,
            "  - {id: all, use: index, from: talks}\n  - {id: some, use: index, from: talks, missing: leave out}\n",
        )
        run(archive, code=1)
        assert counts(archive) == {("all", "skipped"): 1, ("some", "done"): 1}
        (line,) = outcomes(archive, step="some")
        assert (len(line["consumed"]), len(line["absent"])) == (1, 1)

    def test_the_same_recording_in_two_roles_and_two_groups(self, archive: Archive) -> None:
        first, second = (archive.root / "calls" / f"recv_out-{call}.wav" for call in CALLS)
        shutil.copy(first, second)
        shutil.copy(first, archive.root / "calls" / f"out-{CALLS[0]}.wav")
        steps(
            archive,
            "  - {id: voice, use: louder, from: calls}\n  - {id: mixed, use: blend, from: voice}\n"
            "  - {id: both, use: pair, from: {first: voice, second: mixed.audio}}\n"
            "  - {id: again, use: blend, from: both}\n  - {id: all, use: index, from: [voice, both]}\n",
        )
        run(archive)
        found = counts(archive)
        assert (found["voice", "done"], found["mixed", "done"], found["again", "done"]) == (4, 2, 2)
        assert found["both", "done"] == 5  # what they have in common is paired with the mix of each
        orders = [artifact(archive, each, "order").read_text().splitlines() for each in outcomes(archive, step="mixed")]
        shared = {line.split()[1] for line in orders[0]} & {line.split()[1] for line in orders[1]}
        assert len(shared) == 1
        run(archive)
        assert {outcome for _, outcome in counts(archive)} <= {"cached"}
        verified(archive)


class TestLists:
    def test_one_that_shrinks_leaves_nothing_current_behind(self, done: Archive, tmp_path: Path) -> None:
        archive = copy_of(done, tmp_path / "archive")
        run(archive)
        said = run(archive, "--set", "steps.cuts.with.seconds=150 ms", code=1).stderr
        assert "would be done again" in said
        run(archive, "--set", "steps.cuts.with.seconds=150 ms", "--redo-ok")
        found = counts(archive)
        assert (found["cuts", "done"], found["loud", "done"], found["joined", "done"]) == (8, 16, 8)
        assert {len(each["consumed"]) for each in outcomes(archive, step="joined")} == {2}
        assert len(outcomes(archive, step="level")[0]["consumed"]) == 16
        verified(archive)
        run(archive, "--set", "steps.cuts.with.seconds=150 ms")
        assert counts(archive) == {}
        run(archive, "--redo-ok")  # and back: everything is there still
        assert {outcome for _, outcome in counts(archive)} == {"cached"}

    def test_empty_ones_are_joined_to_nothing_by_all_alike(self, archive: Archive) -> None:
        text = (
            "  - {id: cuts, use: chop, from: talks, with: {seconds: 9 s}}\n  - {id: joined, use: splice, from: cuts}\n"
        )
        steps(archive, text)
        run(archive, "--events", "events")
        assert counts(archive) == {("cuts", "done"): 2, ("joined", "done"): 1, ("joined", "cached"): 1}
        folders = {each["folder"] for each in outcomes(archive, step="joined")}
        assert all((archive.root / "library" / folder).is_dir() for folder in folders)
        events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
        assert expected(events) == ended(events)
        run(archive)
        assert counts(archive) == {}
        for path in archive.root.glob("library/*/*/splice-*/*"):
            path.unlink()
        run(archive)
        verified(archive)
        run(archive)
        assert counts(archive) == {}

    def test_an_item_that_fails_costs_what_gathers_it(self, archive: Archive) -> None:
        path = archive.root / "talks" / "other.wav"
        samples, rate = soundfile.read(path)
        samples[800:1600] = 0  # its second piece is silent
        soundfile.write(path, samples, rate, subtype="PCM_16")
        cut = "  - {id: cuts, use: chop, from: talks, with: {seconds: 0.1}}\n  - {id: loud, use: louder, from: cuts}\n"
        joins = (
            "  - {id: joined, use: splice, from: loud}\n  - {id: rest, use: splice, from: loud, missing: leave out}\n"
        )
        steps(archive, cut + joins)
        run(archive, code=1)
        assert counts(archive) == {
            **{("cuts", "done"): 2, ("loud", "done"): 5, ("loud", "failed"): 1, ("joined", "done"): 1},
            **{("joined", "skipped"): 1, ("rest", "done"): 1, ("rest", "cached"): 1},
        }
        (lacking,) = (each["absent"] for each in outcomes(archive, step="rest") if each["absent"])
        failed = next(each["unit"] for each in outcomes(archive, step="loud") if each["cause"])
        assert lacking == [{"port": "audio", "role": None, "unit": failed, "step": "loud"}]

    def test_lists_of_the_whole_job_through_both_stages(self, archive: Archive) -> None:
        steps(
            archive,
            "  - {id: all, use: split, from: talks}\n  - {id: loud, use: louder, from: all}\n"
            "  - {id: level, use: profile, from: loud}\n"
            "  - {id: fitted, use: fit, from: {audio: talks, profile: level}}\n"
            "  - {id: index, use: index, from: [all, loud, fitted]}\n",
        )
        run(archive, "--events", "events")
        assert counts(archive) == {
            **{("all", "done"): 1, ("loud", "done"): 2, ("level", "done"): 1, ("fitted", "done"): 2},
            ("index", "done"): 1,
        }
        (line,) = outcomes(archive, step="index")
        items = [each.split()[-1] for each in artifact(archive, line, "order").read_text().splitlines()]
        assert items == ["1", "1", "2", "2", "0", "0"]
        events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
        assert expected(events) == ended(events)
        run(archive)
        assert counts(archive) == {}


def test_a_job_by_another_name_takes_what_is_there_and_makes_anew_what_is_not(archive: Archive) -> None:
    steps(archive, "  - {id: all, use: index, from: talks}\n  - {id: mixed, use: blend, from: calls}\n")
    run(archive)
    other = ("--set", "name=other")
    run(archive, *other)
    assert counts(archive) == {("all", "cached"): 1, ("mixed", "cached"): 2}
    assert {each["folder"] for each in outcomes(archive)} == {each["folder"] for each in outcomes(archive, 0)}
    for path in archive.root.glob("library/*/*/*/*.txt"):
        path.unlink()
    run(archive, *other)
    assert counts(archive) == {("all", "done"): 1, ("mixed", "done"): 2}
    verified(archive)
    run(archive)
    verified(archive)


def test_labels_that_are_public_are_said_and_others_are_not(archive: Archive) -> None:
    sound(archive.root / "talks" / "OH-7 Ottilie.wav", 0)
    steps(
        archive, "  - {id: voice, use: louder}\n  - {id: cuts, use: chop}\n  - {id: mixed, use: blend, from: calls}\n"
    )
    done = run(archive, "--events", "events", code=1)
    events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
    labels = Counter(each["label"] for each in events if each["event"] == "task_ended")
    assert labels == {"OH-7": 2, "": 16}
    status = json.loads(here(archive, "status", "--json").stdout)
    assert (status["failure"]["label"], status["failure"]["step"]) == ("OH-7", "voice")
    assert "  failed  voice OH-7  silent: nothing is heard in it" in done.stderr.splitlines()
    assert "last failure: voice OH-7  silent: nothing is heard in it" in here(archive, "status").stdout
    for text in (done.stderr, json.dumps(events), json.dumps(status)):
        assert "Ottilie" not in text
        assert "442079460123" not in text


def test_files_of_two_entries_are_expected_as_often_as_they_are_worked_on(archive: Archive) -> None:
    text = (archive.root / "job.yaml").read_text()
    more = "  - {id: everything, path: '*/*.wav'}\n  - {id: days, path: calls/*.wav, group: '(?P<group>\\d{8})'}\n"
    sound(archive.root / "calls" / "no call.wav", 50)
    (archive.root / "job.yaml").write_text(
        text.partition("steps:")[0]
        + more
        + "steps:\n  - {id: voice, use: louder, from: calls}\n  - {id: again, use: louder, from: [talks, everything]}\n"
        "  - {id: mixed, use: blend, from: calls}\n  - {id: daily, use: blend, from: days}\n"
        "  - {id: both, use: pair, from: {first: voice, second: mixed.audio}}\n"
        "  - {id: two, use: pair, from: {first: talks, second: everything}}\n"
    )
    run(archive, "--events", "events")
    events = [json.loads(line) for line in (archive.root / "events").read_text().splitlines()]
    assert expected(events) == ended(events)
    assert ended(events) == {"voice": 7, "again": 9, "mixed": 2, "daily": 2, "both": 6, "two": 2}


def test_the_calls_that_ship(tmp_path: Path) -> None:
    archive = toy_archive(tmp_path / "archive")
    shutil.copytree(RECORDINGS / "calls", archive.root / "calls")
    sound(archive.root / "talks" / "a.wav", 1)
    steps(
        archive,
        "  - {id: voice, use: normalize, from: calls, with: {target: -20 LUFS}}\n"
        "  - {id: mixed, use: blend, from: voice.audio}\n"
        "  - {id: cuts, use: chop, from: voice.audio, with: {seconds: 8 s}}\n"
        "  - {id: checked, use: measure, from: cuts}\n",
    )
    archive.librarian("run", "job.yaml")
    assert counts(archive) == {("voice", "done"): 3, ("mixed", "done"): 1, ("cuts", "done"): 3, ("checked", "done"): 6}
    (line,) = outcomes(archive, step="mixed")
    assert [each["role"] for each in line["consumed"]] == ["left", "right", "both"]
    verified(archive)
    said = here(archive, "trace", line["unit"]).stdout + here(archive, "show", line["unit"]).stdout
    assert "442079460123" not in said

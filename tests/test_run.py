"""`librarian run` from a job file to the record, as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyloudnorm
import pytest
import soundfile
from harness import RECORDINGS, Archive

LOUDNESS_TOLERANCE = 0.1
"""LU. pyloudnorm's K filter reads lower by up to this much at 8 kHz with its DeMan filter, and 24-bit rounding adds."""


def lines(archive: Archive, number: int = -1) -> list[dict[str, Any]]:
    """The bodies of a manifest's lines."""
    paths = sorted((archive.root / "manifests").glob("*.jsonl"))
    return [json.loads(line)["body"] for line in paths[number].read_text().splitlines()]


def outcomes(archive: Archive, number: int = -1) -> Counter[tuple[str, str]]:
    """(step, outcome) → lines."""
    return Counter((each["step"], each["outcome"]) for each in lines(archive, number) if each["type"] == "outcome")


def plan(archive: Archive, *options: str) -> dict[str, tuple[int, int, int, dict[str, int]]]:
    """Step → tasks that are done, new, to be done again; and why."""
    steps = json.loads(archive.librarian("plan", "job.yaml", "--json", *options).stdout)["steps"]
    return {row["step"]: (row["done"], row["new"], row["redo"], row["reasons"]) for row in steps}


def test_every_recording_comes_out_at_the_target_with_its_rate_and_length(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {("voice", "done"): 3, ("check", "done"): 3}
    sources = {soundfile.info(path).frames for path in (calls.root / "calls").iterdir()}
    for path in (calls.root / "library").glob("*/*/normalize-*/*.flac"):
        sound, rate = soundfile.read(path, always_2d=True)
        assert (rate, soundfile.info(path).subtype) == (8000, "PCM_24")
        assert len(sound) in sources
        assert np.abs(sound).max() < 1
    facts = [each["produced"][0]["facts"] for each in lines(calls) if each.get("step") == "voice"]
    assert {each["result"] for each in facts} <= {"normalized", "held_by_ceiling"}
    for each in facts:
        assert each["loudness_after"] == pytest.approx(each["loudness_before"] + each["gain"], abs=0.01)


def test_loudness_in_the_record_is_what_an_independent_meter_reads(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    checked = 0
    for each in lines(calls):
        if each.get("step") == "voice":
            path = calls.root / "library" / each["folder"] / each["produced"][0]["file"]
            sound, rate = soundfile.read(path, always_2d=True)
            meter = pyloudnorm.Meter(rate, filter_class="DeMan")
            stated = each["produced"][0]["facts"]["loudness_after"]
            assert meter.integrated_loudness(sound) == pytest.approx(stated, abs=LOUDNESS_TOLERANCE)
            checked += 1
    assert checked == 3


def test_every_line_fits_the_schema_that_ships(calls: Archive) -> None:
    (calls.root / "calls" / "broken.wav").write_bytes(b"RIFF")
    calls.librarian("run", "job.yaml", code=1)
    schema = json.loads(calls.librarian("schema", "manifest").stdout)
    for path in (calls.root / "manifests").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            jsonschema.validate(json.loads(line), schema)


def test_a_second_run_writes_its_own_three_line_manifest_and_nothing_else(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    before = {path: path.stat().st_mtime_ns for path in (calls.root / "library").rglob("*")}
    first = calls.files("manifests")
    done = calls.librarian("run", "job.yaml")
    assert "6 done before" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in (calls.root / "library").rglob("*")} == before
    second = calls.files("manifests")
    (new,) = second.keys() - first.keys()
    assert {name: second[name] for name in first} == first
    assert second[new].count(b"\n") == 3
    assert [each["type"] for each in lines(calls)] == ["job", "summary", "seal"]
    assert lines(calls)[1]["counts"] == {"voice": {"cached": 3}, "check": {"cached": 3}}


def test_touched_moved_and_copied_recordings_are_not_done_again(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    first, second, third = sorted((calls.root / "calls").iterdir())
    os.utime(first)
    second.rename(second.with_name("renamed.wav"))
    shutil.copy(third, third.with_name("a copy.wav"))
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {}
    assert lines(calls)[1]["recordings"] == 3


def test_a_changed_setting_redoes_that_step_and_what_hangs_on_it_and_plan_says_why(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    job.write_text(job.read_text() + "  - {id: other, use: measure, from: calls}\n")
    calls.librarian("run", "job.yaml")
    job.write_text(job.read_text().replace("-20 LUFS", "-24 LUFS"))
    assert plan(calls) == {
        "voice": (0, 0, 3, {"target −20 → −24 LUFS": 3}),
        "check": (0, 0, 3, {"its input changed": 3}),
        "other": (3, 0, 0, {}),
    }
    calls.librarian("run", "job.yaml", "--redo-ok")
    assert outcomes(calls) == {("voice", "done"): 3, ("check", "done"): 3}
    job.write_text(job.read_text().replace("-24 LUFS", "-20 LUFS"))
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {("voice", "cached"): 3, ("check", "cached"): 3}
    calls.librarian("verify", "--read-data")


def test_much_that_is_finished_is_not_done_again_where_nobody_is_there_to_ask(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    job, before = calls.root / "job.yaml", calls.files()
    job.write_text(job.read_text().replace("-20 LUFS", "-24 LUFS"))
    done = calls.librarian("run", "job.yaml", code=1)
    assert "of finished sound would be done again (voice: target −20 → −24 LUFS)" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("to do that again: librarian run job.yaml --redo-ok")
    assert outcomes(calls) == {}
    assert lines(calls)[0]["options"]["only_new"]
    assert lines(calls)[1]["counts"] == {"voice": {"cached": 3}, "check": {"cached": 3}}
    assert lines(calls)[1]["withheld"]["voice"] == 3
    assert calls.files() == before
    assert plan(calls)["voice"] == (0, 0, 3, {"target −20 → −24 LUFS": 3})


def test_one_broken_recording_costs_only_itself(calls: Archive) -> None:
    good = (calls.root / "calls").iterdir().__next__()
    content = good.read_bytes()
    (calls.root / "calls" / "broken.wav").write_bytes(b"RIFF" + content[4:40])
    (calls.root / "calls" / "empty.wav").write_bytes(b"")
    flac = (RECORDINGS / "conversations" / "two_speakers.flac").read_bytes()
    (calls.root / "calls" / "short.wav").write_bytes(flac[: len(flac) // 2])
    done = calls.librarian("run", "job.yaml", code=1)
    assert outcomes(calls) == {
        ("voice", "done"): 3,
        ("check", "done"): 3,
        ("voice", "failed"): 3,
        ("check", "skipped"): 3,
    }
    causes = [each["cause"] for each in lines(calls) if each.get("outcome") == "failed"]
    assert {cause["reason"] for cause in causes} == {"corrupt"}
    assert all(cause["message"] for cause in causes)
    skipped = [each for each in lines(calls) if each.get("outcome") == "skipped"]
    assert {(each["key"], each["document"]) for each in skipped} == {(None, None)}
    assert {(each["absent"][0]["unit"] == each["unit"], each["absent"][0]["step"]) for each in skipped} == {
        (True, "voice")
    }
    assert "6 done, 3 failed, 3 skipped" in done.stderr
    assert plan(calls) == {
        "voice": (3, 0, 0, {}),
        "check": (3, 0, 0, {}),
    }
    calls.librarian("verify", "--read-data")


def test_unreadable_and_odd_files_are_failed_tasks_with_a_reason(calls: Archive) -> None:
    os.mkfifo(calls.root / "calls" / "pipe.wav")
    (calls.root / "calls" / "gone.wav").symlink_to("nowhere.wav")
    (calls.root / "calls" / "round.wav").symlink_to("round.wav")
    calls.librarian("run", "job.yaml", code=1)
    assert outcomes(calls)["voice", "done"] == 3


def test_a_missing_or_changed_artifact_is_made_again(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    before = calls.files()
    missing, flipped = sorted((calls.root / "library").glob("*/*/normalize-*/*.flac"))[:2]
    missing.unlink()
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.chmod(0o600)
    flipped.write_bytes(content)
    assert plan(calls)["voice"] == (2, 1, 0, {"result missing": 1})
    said = calls.librarian("verify", "--read-data", code=1).stdout
    assert missing.name in said
    assert flipped.name in said
    assert plan(calls)["voice"] == (1, 2, 0, {"suspect": 2})
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {("voice", "done"): 2}
    assert [each["replaces"] for each in lines(calls) if each["type"] == "outcome"] == [True, True]
    assert calls.files() == before
    calls.librarian("verify", "--read-data")


def test_recordings_stay_as_they_are(calls: Archive) -> None:
    folder = calls.root / "calls"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    calls.librarian("run", "job.yaml")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_two_runs_at_once_wait_for_each_other_or_give_up(calls: Archive) -> None:
    first, second = calls.start("run", "job.yaml"), calls.start("run", "job.yaml")
    said = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    total = outcomes(calls, 0) + outcomes(calls, 1)
    assert total == {("voice", "done"): 3, ("check", "done"): 3}
    calls.librarian("verify", "--read-data")


def test_without_workers_the_result_is_the_same_and_the_record_says_so(calls: Archive, tmp_path: Path) -> None:
    calls.librarian("run", "job.yaml")
    twin = Archive(tmp_path / "twin", calls.environment)
    shutil.copytree(calls.root / "calls", twin.root / "calls")
    shutil.copy(calls.root / "job.yaml", twin.root / "job.yaml")
    twin.librarian("run", "job.yaml", "--workers", "0")
    assert twin.files() == calls.files()
    assert (lines(calls)[0]["workers"], lines(twin)[0]["workers"]) == (2, 0)


def test_other_packages_called_librarian_are_noticed(calls: Archive, tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "librarian-0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: librarian\nVersion: 0.1\n")
    calls.environment["PYTHONPATH"] = str(metadata.parent)
    assert "shadows" in calls.librarian("run", "job.yaml", code=6).stderr
    assert not (calls.root / "library").exists()


def test_two_projects_with_keys_of_their_own_cannot_be_linked(calls: Archive, tmp_path: Path) -> None:
    calls.librarian("run", "job.yaml")
    twin = Archive(tmp_path / "twin", {})
    shutil.copytree(calls.root / "calls", twin.root / "calls")
    shutil.copy(calls.root / "job.yaml", twin.root / "job.yaml")
    twin.librarian("run", "job.yaml")
    ids = [{part for name in archive.files() for part in name.split("/")[1:2]} for archive in (calls, twin)]
    assert len(ids[0]) == len(ids[1]) == 3
    assert not ids[0] & ids[1]


def test_two_steps_that_make_the_same_thing_make_it_once(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    job.write_text(job.read_text() + "  - {id: again, use: normalize, from: calls, with: {target: -20 LUFS}}\n")
    calls.librarian("run", "job.yaml")
    found = outcomes(calls)
    assert {found["voice", "done"] + found["again", "done"], found["voice", "cached"] + found["again", "cached"]} == {3}
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {}
    calls.librarian("verify", "--read-data")


def test_without_a_job_file_or_with_a_wrong_one_nothing_is_made(calls: Archive) -> None:
    calls.job("librarian: 1\nname: x\nrecordings: [{id: a, path: nothing/*.wav}]\nsteps: [{id: s, use: measure}]\n")
    said = calls.librarian("run", "job.yaml", code=2).stderr
    assert said == "job.yaml:3:28: recordings.0.path: matches no file\n"
    calls.librarian("run", "none.yaml", code=2)
    assert sorted(path.name for path in calls.root.iterdir()) == ["calls", "job.yaml"]


def test_an_artifact_that_was_changed_is_not_worked_on_and_is_made_again(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    whole = job.read_text()
    job.write_text(whole.replace("  - {id: check, use: measure, from: voice.audio}\n", "audio: {format: wav}\n"))
    calls.librarian("run", "job.yaml")
    flipped = sorted((calls.root / "library").glob("*/*/normalize-*/*.wav"))[0]
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flipped.chmod(0o600)
    flipped.write_bytes(content)
    job.write_text(whole + "audio: {format: wav}\n")
    calls.librarian("run", "job.yaml", code=1)
    assert outcomes(calls) == {("check", "done"): 2, ("check", "failed"): 1}
    (why,) = [each["cause"]["reason"] for each in lines(calls) if each.get("outcome") == "failed"]
    assert why == "input_changed"
    calls.librarian("run", "job.yaml")
    assert outcomes(calls) == {("voice", "done"): 1, ("check", "done"): 1}
    calls.librarian("verify", "--read-data")

"""Failures with a memory: what would fail again is not tried again, and what the owner decided is settled."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from harness import Archive
from units import counts, here, id_key, lines, outcomes, run, sound, toy_archive

from librarian.files import hash_file
from librarian.manifest.catalog import Catalog
from librarian.privacy.vault import Vault
from librarian.run import header

JOB = r"""
librarian: 1
name: failing
recordings:
  - {id: talks, path: 'talks/*.wav', label: 'OH-\d+'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: note, use: note, from: voice}
""".lstrip()
SECRET = "Ottilie said it is only tape hiss"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two recordings that are well, one that is silent and one that is broken; all of it run once."""
    made = toy_archive(tmp_path / "archive")
    for number, name in enumerate(("OH-0.wav", "one.wav", "two.wav")):
        sound(made.root / "talks" / name, number)
    (made.root / "talks" / "broken.wav").write_bytes(b"RIFF")
    made.job(JOB)
    run(made, code=1)
    return made


def rec(archive: Archive, name: str) -> str:
    return id_key(archive).recording(hash_file(archive.root / "talks" / name)[1])


def ended(archive: Archive, *typed: str, code: int = 0) -> dict[str, Any]:
    """The last event of a run."""
    stream = run(archive, *typed, "--events", "-", code=code).stdout.splitlines()
    found: dict[str, Any] = json.loads(stream[-1])
    return found


def failures(event: dict[str, Any]) -> Counter[tuple[str, str, str, int]]:
    """(step, cause, state, how many were tried) → tasks."""
    found = {(each["step"], each["reason"], each["state"], each["tried"]): each["tasks"] for each in event["failures"]}
    return Counter(found)


ALL_NEW = {("voice", "silent", "new", 1): 1, ("voice", "corrupt", "new", 1): 1, ("note", "input_failed", "new", 2): 2}
ALL_KNOWN = {("voice", "silent", "known", 0): 1, ("voice", "corrupt", "known", 0): 1}
ALL_KNOWN |= {("note", "input_failed", "known", 0): 2}


class TestMemory:
    def test_what_lies_in_the_recording_is_said_again_and_not_tried_again(self, archive: Archive) -> None:
        first = {each["cause"]["reason"]: each for each in outcomes(archive, step="voice") if each["cause"]}
        assert first.keys() == {"silent", "corrupt"}
        assert all(each["key"] and each["document"] for each in first.values())
        event = ended(archive, code=1)
        assert failures(event) == ALL_KNOWN
        assert counts(archive) == {}  # no line says again what a line says already
        assert lines(archive)[-2]["known"] == {"voice": 2, "note": 2}
        assert event["counts"]["voice"] == {"cached": 2, "failed": 2}
        assert here(archive, "verify", "--read-data").returncode == 0

    def test_new_and_known_stand_apart_by_cause_with_what_to_do(self, archive: Archive) -> None:
        sound(archive.root / "talks" / "zero.wav", 0, seconds=0.4)
        said = run(archive, code=1).stderr
        now, before = said.index("failed now:"), said.index("failed before; not tried again: 2 (--redo failed tries")
        assert now < said.index(f"voice: 1 silent: {rec(archive, 'zero.wav')}; leave it out") < before
        assert before < said.index("voice: 1 silent: OH-0;")
        assert before < said.index(f"voice: 1 corrupt: {rec(archive, 'broken.wav')}; put a whole copy in its place")
        assert said.count("skipped behind") == 2

    def test_a_whole_copy_is_tried(self, archive: Archive) -> None:
        sound(archive.root / "talks" / "broken.wav", 7)
        assert failures(ended(archive, code=1)) == {
            ("voice", "silent", "known", 0): 1,
            ("note", "input_failed", "known", 0): 1,
        }
        assert counts(archive) == {("voice", "done"): 1, ("note", "done"): 1}

    def test_another_setting_is_tried(self, archive: Archive) -> None:
        archive.job(JOB.replace("1 dB", "2 dB"))
        event = ended(archive, "--redo-ok", code=1)
        assert {key: tasks for key, tasks in failures(event).items() if key[0] == "voice"} == {
            ("voice", "silent", "known", 1): 1,
            ("voice", "corrupt", "known", 1): 1,
        }

    def test_a_step_that_is_done_again_says_of_both_that_they_are_known(self, archive: Archive) -> None:
        event = ended(archive, "--redo", "voice", "--redo-ok", code=1)
        assert {key: tasks for key, tasks in failures(event).items() if key[0] == "voice"} == {
            ("voice", "silent", "known", 1): 1,
            ("voice", "corrupt", "known", 1): 1,
        }

    def test_another_version_of_anything_is_tried(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("librarian.run.header._MAKERS", ())
        assert failures(ended(archive, code=1)) == ALL_KNOWN  # what is not known of now is no other
        real = header._versions
        monkeypatch.setattr(header, "_versions", lambda packages: {**real(packages), "librarian-media": "9.9"})
        assert counts_of_tried(ended(archive, code=1)) == 2
        assert counts_of_tried(ended(archive, code=1)) == 0

    def test_asked_for_it_is_tried(self, archive: Archive) -> None:
        assert counts_of_tried(ended(archive, "--redo", "failed", code=1)) == 2
        assert counts(archive)["voice", "failed"] == 2
        assert lines(archive)[0]["options"]["redo"] == ["failed"]

    def test_another_job_remembers_too_and_has_a_line_of_its_own(self, archive: Archive) -> None:
        archive.job(JOB.replace("failing", "other"))
        event = ended(archive, code=1)
        assert counts_of_tried(event) == 2  # as far as lines go
        assert {each["message"] for each in causes(archive)} == {"it failed so before"}
        assert ended(archive, code=1)["failures"] and counts(archive) == {}

    def test_a_plan_counts_them_apart(self, archive: Archive) -> None:
        rows = json.loads(here(archive, "plan", "job.yaml", "--json").stdout)["steps"]
        assert [(row["done"], row["new"], row["redo"], row["known"]) for row in rows] == [(2, 0, 0, 2), (2, 0, 0, 2)]
        said = here(archive, "plan", "job.yaml")
        assert "voice: 2  failed before, not tried again; to try them: --redo failed" in said.stdout
        assert "next: librarian run" not in said.stderr

    def test_the_same_failure_of_a_program_is_tried_each_time(self, archive: Archive) -> None:
        code = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace('"silent", "nothing', '"crash", "nothing'))
        for state in ("new", "known"):
            event = ended(archive, "--redo", "failed", code=1) if state == "new" else ended(archive, code=1)
            assert failures(event)["voice", "crash", state, 1] == 1


def counts_of_tried(event: dict[str, Any]) -> int:
    return sum(each["tried"] for each in event["failures"] if each["step"] == "voice")


def causes(archive: Archive) -> list[dict[str, Any]]:
    return [each["cause"] for each in outcomes(archive, step="voice") if each["cause"]]


class TestSettle:
    def test_what_the_owner_settled_no_longer_counts(self, archive: Archive) -> None:
        said = here(archive, "settle", "OH-0", rec(archive, "broken.wav"), "--because", SECRET)
        assert "voice" in said.stdout and "silent" in said.stdout and SECRET not in said.stdout + said.stderr
        event = ended(archive, code=0)
        assert {each["state"] for each in event["failures"]} == {"settled"}
        assert counts(archive) == {}
        assert lines(archive)[-2]["settled"] == {"voice": 2, "note": 2}
        assert "settled: 4 tasks" in run(archive).stderr

    def test_the_rest_still_counts(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "--because", SECRET)
        states = Counter(each["state"] for each in ended(archive, code=1)["failures"] for _ in range(each["tasks"]))
        assert states == {"settled": 2, "known": 2}

    def test_it_is_recorded_without_what_was_said(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "--because", SECRET)
        first, *decisions, seal = lines(archive)
        assert (first["type"], first["act"], seal["state"]) == ("act", "settle", "complete")
        assert {(each["step"], each["reason"]) for each in decisions} == {("voice", "silent"), ("note", "input_failed")}
        assert {each["unit"] for each in decisions} == {rec(archive, "OH-0.wav")}
        for name, content in archive.files(".").items():
            assert b"Ottilie" not in content or name.startswith(".librarian/vault.db"), name
        with contextlib.closing(Vault(archive.root / ".librarian" / "vault.db", owned=False)) as vault:
            assert vault.text(decisions[0]["because"]) == SECRET
        assert here(archive, "verify", "--read-data").returncode == 0

    def test_a_catalog_made_anew_knows_it(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "broken.wav", "--because", SECRET)
        for path in (archive.root / ".librarian").glob("catalog*"):
            path.unlink()
        run(archive)

    def test_another_cause_and_another_recording_count_again(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "broken.wav", "--because", SECRET)
        sound(archive.root / "talks" / "more.wav", 0, seconds=0.5)
        assert failures(ended(archive, code=1))["voice", "silent", "new", 1] == 1
        (archive.root / "talks" / "more.wav").unlink()
        sound(archive.root / "talks" / "OH-0.wav", 0, seconds=0.6)  # other bytes are another recording
        assert failures(ended(archive, code=1))["voice", "silent", "new", 1] == 1

    def test_it_is_the_recording_that_is_settled_for_a_cause_that_lies_in_it(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "broken.wav", "--because", SECRET)
        archive.job(JOB + "  - {id: again, use: louder, with: {gain: 3 dB}}\n")
        assert {each["state"] for each in ended(archive)["failures"]} == {"settled"}

    def test_it_can_be_taken_back(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "broken.wav", "--because", SECRET)
        here(archive, "settle", "OH-0", "--undo")
        assert {each["state"] for each in ended(archive, code=1)["failures"]} == {"settled", "known"}
        with contextlib.closing(catalog(archive)) as index:
            assert {each.unit for each in index.decisions(reason="silent")} == set()
        assert "nothing of OH-0 is settled" in here(archive, "settle", "OH-0", "--undo", code=2).stderr

    def test_show_and_jobs_say_it(self, archive: Archive) -> None:
        here(archive, "settle", "OH-0", "--because", SECRET)
        assert "failed, settled on " in here(archive, "show", "OH-0").stdout
        shown = json.loads(here(archive, "show", "OH-0", "--json").stdout)
        assert [each["settled"] for each in shown["results"]] == [True, True]
        listed = here(archive, "jobs").stdout.splitlines()
        assert "settle" in listed[-1]
        job = listed[-1].split()[0]
        said = here(archive, "show", job).stdout
        assert "settle, " in said and "silent" in said
        decided = json.loads(here(archive, "show", job, "--json").stdout)["lines"]
        assert {each["reason"] for each in decided} == {"silent", "input_failed"}

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            (("OH-0",), "say why"),
            (("OH-0", "--because", " "), "say why"),
            (("one.wav", "--because", "x"), "nothing of rec_"),
            (("nobody.wav", "--because", "x"), "nothing is known under that id"),
            (("OH-0", "--because", "x" * 2001), "more than 2,000"),
        ],
    )
    def test_what_cannot_be_settled_is_refused(self, archive: Archive, typed: tuple[str, ...], said: str) -> None:
        before = archive.files("manifests")
        assert said in here(archive, "settle", *typed, code=2).stderr
        assert archive.files("manifests") == before


def catalog(archive: Archive) -> Catalog:
    return Catalog(archive.root / ".librarian" / "catalog.db", archive.root / "manifests", owned=False)


GATHERING = JOB.replace("use: note, from: voice", "use: profile, from: voice")


class TestAbsent:
    @pytest.fixture
    def gathered(self, tmp_path: Path) -> Archive:
        made = toy_archive(tmp_path / "gathered")
        for number in range(1, 9):
            sound(made.root / "talks" / f"{number}.wav", number)
        made.job(GATHERING)
        run(made)
        return made

    def test_one_that_is_away_is_counted_and_nothing_waits(self, gathered: Archive) -> None:
        (gathered.root / "talks" / "1.wav").rename(gathered.root / "away.wav")
        said = run(gathered, "--redo-ok").stderr
        assert "absent: 1 that earlier runs had" in said
        assert lines(gathered)[-2]["absent"] == 1
        assert counts(gathered) == {("note", "done"): 1}
        assert "absent: 1" in run(gathered).stderr  # as long as it is

    def test_one_that_was_renamed_is_there(self, gathered: Archive) -> None:
        (gathered.root / "talks" / "1.wav").rename(gathered.root / "talks" / "renamed.wav")
        assert "absent" not in run(gathered).stderr

    def test_what_gathers_all_waits_where_many_are_away(self, gathered: Archive) -> None:
        for number in (1, 2):
            (gathered.root / "talks" / f"{number}.wav").rename(gathered.root / f"away-{number}.wav")
        before = {each: content for each, content in gathered.files().items() if "/set_" in each}
        said = run(gathered, "--redo-ok", code=1).stderr
        assert "absent: 2 that" in said and "--absent-ok" in said.splitlines()[-1]
        assert counts(gathered) == {}
        assert {each: content for each, content in gathered.files().items() if "/set_" in each} == before
        for number in (1, 2):
            (gathered.root / f"away-{number}.wav").rename(gathered.root / "talks" / f"{number}.wav")
        assert "absent" not in run(gathered).stderr

    def test_what_gathers_all_and_was_never_made_waits_too(self, gathered: Archive) -> None:
        gathered.job(GATHERING + "  - {id: all, use: profile, from: talks}\n")
        for number in (1, 2):
            (gathered.root / "talks" / f"{number}.wav").rename(gathered.root / f"away-{number}.wav")
        run(gathered, code=1)
        assert [each["cause"]["reason"] for each in outcomes(gathered, step="all")] == ["absent"]

    def test_absence_can_be_accepted_for_good(self, gathered: Archive) -> None:
        away = [gathered.root / "talks" / f"{number}.wav" for number in (1, 2, 3)]
        for path in away:
            path.rename(gathered.root / path.name)
        run(gathered, "--absent-ok", "--redo-ok")
        assert counts(gathered) == {("note", "done"): 1}
        assert len([each for each in lines(gathered) if each["type"] == "decision"]) == 3
        assert "absent" not in run(gathered).stderr
        shutil.move(gathered.root / "1.wav", away[0])
        run(gathered, "--redo-ok")  # it came back: it would be missed again
        away[0].unlink()
        assert "absent: 1" in run(gathered, "--redo-ok").stderr

    def test_a_part_of_the_recordings_misses_none(self, gathered: Archive) -> None:
        assert "absent" not in run(gathered, "--sample", "2").stderr

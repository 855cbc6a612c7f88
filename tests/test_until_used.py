"""`keep: until-used`: what was used is dropped in the run itself, and made again where something asks for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from faults import Ended, Fault, points, watch, why_not
from harness import Archive
from units import copy_of, counts, here, lines, outcomes, run, sound, toy_archive

HEAD = r"""
librarian: 1
name: kept
recordings:
  - {id: talks, path: 'talks/*.wav'}
  - {id: calls, path: calls/*.wav, group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
""".lstrip()
JOB = f"""{HEAD}
  - {{id: stem, use: louder, from: talks, with: {{gain: 1 dB}}, keep: until-used}}
  - {{id: voice, use: louder, from: stem, with: {{gain: 2 dB}}, keep: until-used}}
  - {{id: note, use: note, from: voice}}
"""
MORE = "  - {id: more, use: note, from: voice, with: {language: de}}\n"
TALKS = ("one", "two", "three")


def talk(archive: Archive, name: str, number: int) -> None:
    sound(archive.root / "talks" / f"{name}.wav", number)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = toy_archive(tmp_path_factory.mktemp("fresh") / "archive")
    for number, name in enumerate(TALKS, 1):
        talk(made, name, number)
    for number, name in enumerate(("in-a", "out-a", "in-b", "out-b"), 10):
        sound(made.root / "calls" / f"{name}.wav", number)
    made.job(JOB)
    return made


@pytest.fixture(scope="module")
def done(fresh: Archive, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = copy_of(fresh, tmp_path_factory.mktemp("done") / "archive")
    run(made)
    return made


@pytest.fixture
def empty(fresh: Archive, tmp_path: Path) -> Archive:
    return copy_of(fresh, tmp_path / "archive")


@pytest.fixture
def archive(done: Archive, tmp_path: Path) -> Archive:
    return copy_of(done, tmp_path / "archive")


def there(archive: Archive) -> Counter[str]:
    """Operation → files in the library."""
    files = (path for path in (archive.root / "library").rglob("*.*.*") if path.is_file())
    return Counter(path.name.split(".")[1] for path in files)


def night(archive: Archive, *typed: str, code: int = 0) -> Counter[str]:
    """A run, after which the record is whole and another does nothing: step → tasks that were done."""
    run(archive, "--redo-ok", *typed, code=code)
    found = counts(archive)
    assert "0 problems" in here(archive, "verify", "--read-data").stdout
    run(archive, code=code)
    assert outcomes(archive) == [] and not drops(archive)
    return Counter({step: number for (step, outcome), number in found.items() if outcome == "done"})


def drops(archive: Archive, number: int = -1) -> list[dict[str, object]]:
    return [each for each in lines(archive, number) if each["type"] == "dropped"]


class TestDropped:
    def test_once_all_that_takes_it_is_done(self, empty: Archive) -> None:
        assert night(empty) == {"stem": 3, "voice": 3, "note": 3}
        assert there(empty) == {"note": 3}
        (line,) = drops(empty, -2)
        assert (line["why"], line["results"], len(line["keys"])) == ("used", 6, 6)  # type: ignore[arg-type]
        assert sorted(path.name for path in (empty.root / "library").iterdir() if path.name[0] != ".") == sorted(
            path.parent.parent.parent.name for path in (empty.root / "library").rglob("*.note.*")
        )

    def test_where_a_taker_fails_it_stays_until_that_is_done(self, empty: Archive) -> None:
        talk(empty, "silent", 0)
        empty.job(f"{HEAD}  - {{id: cuts, use: chop, from: talks, keep: until-used}}\n"
                  "  - {id: loud, use: number, from: cuts}\n")  # fmt: skip
        assert night(empty, code=1) == {"cuts": 4, "loud": 9}
        assert there(empty) == {"chop": 3, "number": 9}

    def test_of_a_part_of_the_steps_nothing_is_taken_that_others_want(self, empty: Archive) -> None:
        empty.job(JOB + MORE)
        run(empty, "--to", "note")
        assert there(empty) == {"louder": 3, "note": 3}  # what both take is there, and what only that takes is not
        assert night(empty) == {"more": 3}
        assert there(empty) == {"note": 6}

    def test_what_another_step_or_job_keeps_stays(self, empty: Archive) -> None:
        empty.job(JOB + "  - {id: same, use: louder, from: talks, with: {gain: 1 dB}}\n")
        night(empty)
        assert there(empty) == {"louder": 3, "note": 3}

    def test_where_the_job_file_says_so_later(self, empty: Archive) -> None:
        empty.job(JOB.replace(", keep: until-used", ""))
        assert night(empty) == {"stem": 3, "voice": 3, "note": 3}
        empty.job(JOB)
        assert night(empty) == {}
        assert there(empty) == {"note": 3}

    def test_by_one_recording_after_the_other_and_with_workers(self, empty: Archive) -> None:
        said = here(empty, "run", "job.yaml", "--workers", "2").stderr
        assert "9 done" in said
        assert "dropped: results of 6 tasks, which were kept until they were used" in said
        assert there(empty) == {"note": 3}

    def test_links_to_it_are_taken_away(self, empty: Archive) -> None:
        empty.job(JOB.replace(", keep: until-used", ""))
        run(empty)
        here(empty, "view", "view")
        empty.job(JOB)
        run(empty)
        assert {path.name for path in (empty.root / "view").rglob("*.*")} == {f"{name}.note.txt" for name in TALKS}
        assert "6 results dropped, and without a link" in here(empty, "view").stderr


class TestAgain:
    """A dropped result is done, and made again only where something asks for it."""

    def test_nothing_asks(self, archive: Archive) -> None:
        assert night(archive) == {}
        talk(archive, "four", 4)
        assert night(archive) == {"stem": 1, "voice": 1, "note": 1}
        (archive.root / ".librarian" / "catalog.db").unlink()
        assert night(archive) == {}

    @pytest.mark.parametrize(
        ("job", "typed", "again", "asks"),
        [
            pytest.param(JOB + MORE, (), {"stem": 3, "voice": 3, "more": 3}, "more", id="a new step"),
            pytest.param(
                JOB.replace("use: note", "use: note, with: {language: fr}"),
                *((), {"stem": 3, "voice": 3, "note": 3}, "note"),
                id="a setting behind it",
            ),
            pytest.param(JOB.replace("2 dB", "3 dB"), (), {"stem": 3, "voice": 3, "note": 3}, "voice", id="between"),
            pytest.param(JOB, ("--redo", "note"), {"stem": 3, "voice": 3, "note": 3}, "note", id="a redo"),
            pytest.param(JOB, ("--redo", "voice"), {"stem": 3, "voice": 3, "note": 3}, "voice", id="a redo between"),
        ],
    )
    def test_a_later_task_asks(
        self, archive: Archive, job: str, typed: tuple[str, ...], again: dict[str, int], asks: str
    ) -> None:
        run(archive)  # which learns where the recordings lie now
        archive.job(job)
        plan = json.loads(here(archive, "plan", "job.yaml", *typed, "--json").stdout)
        planned = {row["step"]: row["new"] + row["redo"] for row in plan["steps"]}
        assert {step: number for step, number in planned.items() if number} == again
        reasons = {row["step"]: list(row["reasons"]) for row in plan["steps"]}
        assert reasons["stem"] == [f"made again for {asks if asks == 'voice' else 'voice'}"]
        assert night(archive, *typed) == again
        assert there(archive)["louder"] == 0

    def test_a_result_that_was_deleted_asks(self, archive: Archive) -> None:
        next((archive.root / "library").rglob("*.note.*.txt")).unlink()
        assert night(archive) == {"stem": 1, "voice": 1, "note": 1}

    def test_where_it_cannot_be_made_again_what_asked_is_skipped(self, archive: Archive) -> None:
        code = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace("if not np.abs(sound)", "if True or np.abs(sound)"))
        archive.job(JOB + MORE)
        run(archive, "--redo-ok", code=1)
        assert counts(archive)["stem", "failed"] == 3
        code.write_text(code.read_text().replace("if True or np.abs(sound)", "if not np.abs(sound)"))
        run(archive, "--redo-ok", "--redo", "failed")
        assert there(archive) == {"note": 6}
        assert night(archive) == {}

    def test_a_new_version_makes_it_again_and_what_hangs_on_it(self, archive: Archive) -> None:
        code = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace('version="1"', 'version="2"'))
        assert night(archive) == {}
        archive.job(JOB + MORE)
        assert night(archive) == {"stem": 3, "voice": 3, "note": 3, "more": 3}

    def test_under_another_name_of_the_job_nothing_is_made(self, archive: Archive) -> None:
        archive.job(JOB.replace("name: kept", "name: other"))
        assert night(archive) == {}
        archive.job(JOB.replace("name: kept", "name: other") + MORE)
        assert night(archive) == {"stem": 3, "voice": 3, "more": 3}

    def test_what_is_forgotten_goes_with_all_that_was_dropped_of_it(self, archive: Archive) -> None:
        here(archive, "privacy", "forget", "one.wav", "--yes")
        assert "0 problems" in here(archive, "verify", "--read-data").stdout
        rows = json.loads(here(archive, "du", "--json").stdout)["steps"]
        assert {(row["step"], row["state"]): row["results"] for row in rows} == {
            **{("stem", "dropped"): 2, ("voice", "dropped"): 2, ("note", "current"): 2}
        }
        archive.job(JOB + MORE)
        run(archive, code=1)
        assert counts(archive)["stem", "done"] == counts(archive)["more", "done"] == 2
        assert there(archive) == {"note": 4}

    def test_what_is_to_stay_from_now_on_is_brought_back(self, archive: Archive) -> None:
        archive.job(JOB.replace(", keep: until-used", ""))
        assert night(archive) == {}
        run(archive, "--redo", "dropped")
        assert there(archive) == {"louder": 6, "note": 3}
        assert night(archive) == {}


class TestShapes:
    """Lists, groups, the whole job, and what takes what came of that."""

    WHOLE = f"""{HEAD}
  - {{id: voice, use: louder, from: talks, with: {{gain: 1 dB}}, keep: until-used}}
  - {{id: cuts, use: chop, from: voice, keep: until-used}}
  - {{id: loud, use: number, from: cuts, keep: until-used}}
  - {{id: level, use: profile, from: loud}}
  - {{id: fitted, use: fit, from: {{audio: voice, profile: level}}}}
"""
    GROUPS = f"""{HEAD}
  - {{id: leg, use: louder, from: calls, with: {{gain: 2 dB}}, keep: until-used}}
  - {{id: mixed, use: blend, from: leg}}
"""

    def test_what_the_whole_job_gathers_goes_after_it(self, empty: Archive) -> None:
        empty.job(self.WHOLE)
        assert night(empty) == {"voice": 3, "cuts": 3, "loud": 9, "level": 1, "fitted": 3}
        assert there(empty) == {"profile": 1, "fit": 3}
        talk(empty, "four", 4)
        plan = json.loads(here(empty, "plan", "job.yaml", "--json").stdout)
        assert {row["step"]: row["new"] + row["redo"] for row in plan["steps"]} == {
            **{"voice": 4, "cuts": 4, "loud": 9, "level": 1, "fitted": 4}
        }
        assert night(empty) == {"voice": 4, "cuts": 4, "loud": 12, "level": 1, "fitted": 4}
        summary = next(each for each in lines(empty, -2) if each["type"] == "summary")
        assert summary["counts"]["loud"] == {"done": 12}
        assert there(empty) == {"profile": 2, "fit": 7}

    def test_one_that_takes_what_came_of_the_whole_job_asks(self, empty: Archive) -> None:
        empty.job(self.WHOLE)
        run(empty)
        empty.job(self.WHOLE + "  - {id: wave, use: fit, from: {audio: voice, profile: level}, audio: {format: wav}}\n")
        assert night(empty) == {"voice": 3, "wave": 3}

    def test_a_setting_comes_back_whose_results_are_there(self, empty: Archive) -> None:
        empty.job(self.WHOLE)
        run(empty)
        empty.job(self.WHOLE.replace("use: chop,", "use: chop, with: {seconds: 0.15 s},"))
        assert night(empty) == {"voice": 3, "cuts": 3, "loud": 6, "level": 1, "fitted": 3}
        empty.job(self.WHOLE)
        assert night(empty) == {}

    def test_of_groups(self, empty: Archive) -> None:
        empty.job(self.GROUPS)
        assert night(empty) == {"leg": 4, "mixed": 2}
        assert there(empty) == {"blend": 4}
        sound(empty.root / "calls" / "in-c.wav", 30)
        run(empty, "--redo", "mixed", code=1)
        assert counts(empty) == {("leg", "done"): 5, ("mixed", "done"): 2, ("mixed", "skipped"): 1}
        assert there(empty) == {"louder": 1, "blend": 4}  # nobody took the leg whose other is not there

    def test_a_recording_that_is_in_two_groups(self, empty: Archive) -> None:
        shutil.copy(empty.root / "calls" / "in-a.wav", empty.root / "calls" / "in-b.wav")
        empty.job(self.GROUPS)
        assert night(empty) == {"leg": 3, "mixed": 2}
        assert there(empty) == {"blend": 4}
        assert night(empty, "--redo", "mixed") == {"leg": 3, "mixed": 2}


def play(archive: Archive, fault: Fault | None = None) -> Ended:
    command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", "0"]
    environment = {**os.environ, **archive.variables()}
    return watch(command, archive.root, fault, cwd=archive.root, environment=environment)


@pytest.mark.parametrize("kind", ["kill all", "tear a line and kill all", "full from there on", "broken once"])
def test_cut_off_anywhere_the_next_run_completes_it(done: Archive, kind: str, request: pytest.FixtureRequest) -> None:
    if reason := why_not():
        pytest.skip(reason)
    template = copy_of(done, Path(tempfile.mkdtemp(dir=done.root.parent)) / "archive")
    template.job(JOB + MORE)
    undisturbed = copy_of(template, template.root.with_name("undisturbed"))
    ended = play(undisturbed)
    assert ended.code == 0, ended.err
    wanted = undisturbed.files()
    number = request.config.getoption("--points")
    chosen = points(ended, kind, number, "until-used")
    gone = [at for at, call in enumerate(ended.calls, 1) if call.notice.name in ("unlink", "unlinkat", "rmdir")]
    if kind == "kill all" and number:  # and where it removes
        chosen += [Fault(kind, gone[len(gone) * each // 3]) for each in range(3)]
    wrong = []
    for place, fault in enumerate(chosen):
        archive = copy_of(template, template.root.with_name(f"{kind.replace(' ', '-')}-{place}"))
        ended = play(archive, fault)
        run(archive, code=None)
        run(archive)
        verified = here(archive, "verify", "--read-data", code=None)
        if archive.files() != wanted or verified.returncode or outcomes(archive):
            wrong.append(f"{fault} {ended.struck}: {verified.stdout} {archive.files().keys() ^ wanted.keys()}")
    assert not wrong, "\n".join(wrong)


def test_what_is_left_of_it_by_a_kill_is_said_and_taken_away(empty: Archive) -> None:
    if reason := why_not():
        pytest.skip(reason)
    calls = play(copy_of(empty, empty.root.with_name("first"))).calls
    removed = [
        at for at, call in enumerate(calls, 1) if call.notice.name.startswith("unlink") and "louder-" in call.path
    ]
    assert play(empty, Fault("kill all", removed[0])).code
    assert "it was dropped, and is still there" in here(empty, "verify", code=1).stdout
    run(empty)
    assert there(empty) == {"note": 3}
    assert "0 problems" in here(empty, "verify").stdout
